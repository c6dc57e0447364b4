"""The ways in which the benchmark of trees runs them compute the same: it compares them before it times."""

import numpy as np
import pytest

from scripts.benchmark import trees
from scripts.benchmark.interpreters import TORCH_PYTHON


def test_a_rate_for_each_way_of_each_cell(monkeypatch):
    """And a way whose gradients are others is noticed."""
    children = np.array([[-1, -1], [-1, -1], [0, 1], [-1, -1], [2, 3]])[:, None]
    forest = trees.Forest(np.tile(children, (1, 2, 1)), np.array([5, 3]))
    monkeypatch.setattr(trees, "forests", lambda: [forest])
    monkeypatch.setattr(trees, "CELLS", {"tree_lstm": 3})
    found = trees.rates("tree_lstm", rounds=1)
    assert list(found) == ["levels", "nodes", "calls", *(["torch"] if TORCH_PYTHON.exists() else [])]
    assert all(rate > 0 for rate in found.values())
    monkeypatch.setattr(trees, "_with_own", lambda state, delta: delta)
    with pytest.raises(AssertionError, match="Mismatched elements"):
        trees.rates("tree_lstm", rounds=1)
