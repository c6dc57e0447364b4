"""Orders of the gates."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def reorder(array: Any, order: Sequence[int], axis: int = -1) -> np.ndarray:
    """Blocks of an axis in another order: block k of the result is block order[k].

    >>> reorder(np.array([1, 2, 3, 4, 5, 6]), (1, 0, 2))
    array([3, 4, 1, 2, 5, 6])
    """
    blocks = np.split(np.asarray(array), len(order), axis)
    return np.concatenate([blocks[k] for k in order], axis)
