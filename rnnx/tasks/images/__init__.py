"""Tasks of pictures, and of captions that are written to them."""
