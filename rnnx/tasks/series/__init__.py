"""Series over time: what they will be."""
