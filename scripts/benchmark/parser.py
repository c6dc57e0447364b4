"""Flags of a benchmark and of the scripts that take part in it; no more than Python has is imported."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A mistake is one line and exit status 2."""

    def __init__(self, description: str, name: str | None = None):
        super().__init__(name, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")
