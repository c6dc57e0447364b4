"""Algorithms and theory of a recurrence (cell, parameters, inputs) that diagnostics and training stand on."""
