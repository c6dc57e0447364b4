import numpy as np
import pytest

from rnnx.clipping import clipping


def test_shares_and_quantiles():
    norms = np.random.default_rng(0).permutation(np.arange(101.0))
    assert clipping(norms, 90.0) == {
        "clipped": 10 / 101,  # a norm of exactly the limit is left as it is
        "gradient_norm_q05": 5,
        "gradient_norm_q25": 25,
        "gradient_norm_q75": 75,
        "gradient_norm_q95": 95,
    }


def test_without_a_limit_nothing_is_clipped():
    assert clipping([1.0, np.inf], None)["clipped"] == 0


def test_nan_stays_nan():
    """It was neither clipped nor not, and has no rank."""
    assert all(np.isnan(value) for value in clipping([1.0, np.nan, 3.0], 2.0).values())


def test_no_norms_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^norms must hold the norm of at least one step\.$"):
        clipping([], 1.0)
