"""Polyphonic music as piano rolls, in the files of MATLAB in which it is published."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse

from rnnx.data._store import DataError, sha256

KEYS = 88
_PARTS = ("traindata", "validdata", "testdata")
_FORM = f"it must have {', '.join(_PARTS)}, each a list of pieces [frames, {KEYS}] of 0 and 1"


@dataclasses.dataclass(frozen=True)
class PianoRolls:
    """Pieces of each part; equal to others of the same name and bytes."""

    name: str
    """Of the data set; of a file of one's own, its path as it was given."""
    sha256: str
    """Of the file, in hexadecimal."""
    train: tuple[np.ndarray, ...] = dataclasses.field(compare=False, repr=False)
    """Pieces `[frames, 88]`, booleans: which keys sound, from A0 to C8."""
    valid: tuple[np.ndarray, ...] = dataclasses.field(compare=False, repr=False)
    test: tuple[np.ndarray, ...] = dataclasses.field(compare=False, repr=False)


def read_piano_rolls(path: str) -> PianoRolls:
    """Piano rolls of one's own, in a file of the same form.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: the file can't be read, or is of another form.
    """
    try:
        content = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from None
    _check_harmless(content, path)
    return parse(content, path, sha256(content))


_READ = "import io, sys, scipy.io; scipy.io.loadmat(io.BytesIO(sys.stdin.buffer.read()))"


def _check_harmless(content: bytes, name: str) -> None:
    """That a file of anyone's is no end of this process, as one wrong byte is in SciPy's reader: read it in another."""
    done = subprocess.run([sys.executable, "-c", _READ], input=content, capture_output=True, check=False)
    if done.returncode < 0:  # by a signal; what it says by itself is told when it is read here
        raise DataError(f"{name} is no file of MATLAB, or a damaged one: whoever reads it crashes.")


def parse(content: bytes, name: str, digest: str) -> PianoRolls:
    """The pieces of a file.

    Raises:
      DataError: it is no such file; the message says what it lacks.
    """
    try:
        held: dict[str, Any] = scipy.io.loadmat(io.BytesIO(content))
    except Exception as error:  # of many kinds, whatever the bytes are
        raise DataError(f"{name} is no file of MATLAB: {' '.join(str(error).split()) or 'it is cut off'}.") from None
    missing = [part for part in _PARTS if part not in held]
    if missing:
        raise DataError(f"{name} lacks {', '.join(missing)}: {_FORM}.")
    return PianoRolls(name, digest, *(_pieces(held[part], part, name) for part in _PARTS))


def _pieces(held: np.ndarray, part: str, name: str) -> tuple[np.ndarray, ...]:
    pieces = tuple(held.ravel()) if held.dtype == object else ()
    pieces = tuple(piece.toarray() if scipy.sparse.issparse(piece) else piece for piece in pieces)
    for n, piece in enumerate(pieces, 1):
        if np.ndim(piece) != 2 or piece.shape[1] != KEYS:
            raise DataError(f"{name}: piece {n} of {part} is none, of shape {np.shape(piece)}: {_FORM}.")
        if not np.isin(piece, (0, 1)).all():
            raise DataError(f"{name}: piece {n} of {part} has other values than 0 and 1: {_FORM}.")
        if len(piece) < 2:
            raise DataError(f"{name}: piece {n} of {part} has {len(piece)} frames, and nothing follows on the first.")
    if not pieces:
        raise DataError(f"{name} has no pieces in {part}: {_FORM}.")
    return tuple(piece.astype(bool) for piece in pieces)
