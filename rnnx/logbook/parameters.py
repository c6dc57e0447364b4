"""Parameters alone, as a `.npz` file: whole or not there, and verified on the way back.

It is a zip of `.npy` files by the names that checkpoints give arrays, which `numpy.load` reads without rnnx; zip keeps
a checksum of each. No pickle is written or loaded.
"""

import io
import warnings
from pathlib import Path

import jax
import numpy as np

from rnnx.logbook import files
from rnnx.logbook.checkpoints import by_name
from rnnx.types import Params


def save_parameters(path: Path, params: Params) -> None:
    """Write the file by atomic rename.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "400.npz"
    >>> save_parameters(path, {"cell": {"w": np.ones(3)}})
    >>> load_parameters(path, {"cell": {"w": np.zeros(3)}})
    {'cell': {'w': array([1., 1., 1.])}}
    """
    content, arrays = io.BytesIO(), by_name(params)
    np.savez(content, **arrays)
    files.write(path, content.getvalue())


def load_parameters(path: Path, like: Params) -> Params | None:
    """Read the file; `None` if it is missing or, with a warning, damaged.

    Args:
      path: of the file.
      like: parameters (or their shapes) of the structure, shapes and dtypes that it must have.
    """
    loaded = read_parameters(path)
    if loaded is None:
        return None
    kinds = [{name: (leaf.shape, leaf.dtype) for name, leaf in tree.items()} for tree in (by_name(like), loaded)]
    if kinds[0] != kinds[1]:
        warnings.warn(f"{path} is damaged: it does not hold the parameters of this model", stacklevel=2)
        return None
    return jax.tree.unflatten(jax.tree.structure(like), [loaded[name] for name in by_name(like)])


def read_parameters(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of the file by name, whatever they are of; `None` if it is missing or, with a warning, damaged."""
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # whatever a damaged file makes zip and NumPy raise
        warnings.warn(f"{path} is damaged: {type(error).__name__}: {error}", stacklevel=2)
        return None
