"""Layers beside those of other libraries, point by point: `scripts/bench`."""
