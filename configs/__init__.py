"""Studies, one per file: `get_config()` gives the settings, `sweep()` the trials, the docstring the command."""
