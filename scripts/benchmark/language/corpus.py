"""The text that everyone reads."""

from pathlib import Path

import numpy as np

from rnnx import data

NAME = "tinyshakespeare"
LENGTH = 1_115_394
CHARACTERS = "\n" + "".join(map(chr, range(32, 96)))
"""As many as Tiny Shakespeare has."""


def write(path: Path) -> str:
    """Write Tiny Shakespeare, or where it is not at hand as many random characters; returns what it is."""
    if data.available(NAME):
        path.write_text(data.get(NAME)().text, encoding="utf-8")
        return NAME
    drawn = np.random.default_rng(0).choice(np.frombuffer(CHARACTERS.encode(), np.uint8), LENGTH)
    path.write_bytes(drawn.tobytes())
    return "random characters"
