"""Diagnostics of checkpoints, in double precision, after training."""
