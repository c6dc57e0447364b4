"""Entry points with absl flags: `python -m experiments.run`, `.sweep`, `.report`. Library code is in `rnnx`."""
