"""Studies of one task each."""
