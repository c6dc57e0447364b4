"""What is minimised, by which gradient, and K steps of it per dispatch, on one device or on many."""
