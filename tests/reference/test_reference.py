"""The references' backward passes against complex-step derivatives of their forward passes."""

import numpy as np
import pytest

from tests import reference

T, B, I, H = 4, 2, 2, 3

CASES = {
    "rnn": (reference.get("rnn"), {"W": (I, H), "U": (H, H), "b": (H,)}, "h"),
    "rnn_relu": (reference.get("rnn", activation="relu"), {"W": (I, H), "U": (H, H), "b": (H,)}, "h"),
    "rnn_identity": (reference.get("rnn", activation="identity"), {"W": (I, H), "U": (H, H), "b": (H,)}, "h"),
    "lstm": (
        reference.get("lstm"),
        {f"{letter}_{k}": shape for k in "ifgo" for letter, shape in {"W": (I, H), "U": (H, H), "b": (H,)}.items()},
        "hc",
    ),
    "gru": (
        reference.get("gru"),
        {f"{letter}_{k}": shape for k in "rzn" for letter, shape in {"W": (I, H), "U": (H, H), "b": (H,)}.items()}
        | {"d": (H,)},
        "h",
    ),
    "gru_reset_before": (
        reference.get("gru_reset_before"),
        {f"{letter}_{k}": shape for k in "rzn" for letter, shape in {"W": (I, H), "U": (H, H), "b": (H,)}.items()},
        "h",
    ),
}


def complex_step(loss, array):
    """d loss / d array, entry by entry: Im L(a + ih) / h has no cancellation, so h can be so small that h² vanishes."""
    step = 1e-100
    gradient = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        shifted = array.astype(complex)
        shifted[index] += 1j * step
        gradient[index] = loss(shifted).imag / step
    return gradient


@pytest.mark.parametrize("case", CASES)
def test_backward_equals_complex_step(case):
    cell, shapes, parts = CASES[case]
    rng = np.random.default_rng(0)
    p = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    xs = rng.standard_normal((T, B, I))
    initial = {part: rng.standard_normal((B, H)) for part in parts}
    direct = {part: rng.standard_normal((T, B, H)) for part in parts}

    def loss(p, xs, initial, start=0):
        """Σ direct · s, from the states `initial` before step `start` on."""
        if start == T:
            return 0
        states = cell.forward(p, xs[start:], initial)
        return sum((direct[part][start:] * states[part]).sum() for part in parts)

    gradients = cell.backward(p, xs, initial, direct)

    # Rounding of some hundreds of operations on numbers of order 1 to 100; the complex step itself is exact.
    close = {"rtol": 1e-12, "atol": 1e-12}
    for name in p:
        numeric = complex_step(lambda a, name=name: loss(p | {name: a}, xs, initial), p[name])
        np.testing.assert_allclose(gradients.params[name], numeric, **close, err_msg=name)
    np.testing.assert_allclose(gradients.xs, complex_step(lambda a: loss(p, a, initial), xs), **close)
    states = cell.forward(p, xs, initial)
    for part in parts:
        numeric = complex_step(lambda a, part=part: loss(p, xs, initial | {part: a}), initial[part])
        np.testing.assert_allclose(gradients.initial[part], numeric, **close, err_msg=part)
        for t in range(T):
            at_t = {name: value[t] for name, value in states.items()}

            def changed(a, part=part, t=t, at_t=at_t):
                return (direct[part][t] * a).sum() + loss(p, xs, at_t | {part: a}, start=t + 1)

            np.testing.assert_allclose(
                gradients.states[part][t], complex_step(changed, at_t[part]), **close, err_msg=f"{part} at {t}"
            )


def test_a_cell_without_a_reference_is_told_where_to_write_it():
    with pytest.raises(pytest.fail.Exception, match=r"tests/reference/nonesuch\.py"):
        reference.get("nonesuch")
