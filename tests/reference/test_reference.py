"""The references' backward passes against complex-step derivatives of their forward passes."""

import numpy as np
import pytest

from tests import reference

T, B, I, H = 4, 2, 2, 3

W_U_B = {"W": (I, H), "U": (H, H), "b": (H,)}
W_B = {"W": (I, H), "b": (H,)}


def of_gates(gates, shapes):
    return {f"{letter}_{k}": shape for k in gates for letter, shape in shapes.items()}


CASES = {
    "rnn": (reference.get("rnn"), W_U_B, ["h"]),
    "rnn_relu": (reference.get("rnn", activation="relu"), W_U_B, ["h"]),
    "rnn_identity": (reference.get("rnn", activation="identity"), W_U_B, ["h"]),
    "lstm": (reference.get("lstm"), of_gates("ifgo", W_U_B), ["h", "c"]),
    "gru": (reference.get("gru"), of_gates("rzn", W_U_B) | {"d": (H,)}, ["h"]),
    "gru_reset_before": (reference.get("gru_reset_before"), of_gates("rzn", W_U_B), ["h"]),
    "mingru": (reference.get("mingru"), of_gates("zn", W_B), ["h"]),
    "minlstm": (reference.get("minlstm"), of_gates("ifg", W_B), ["h"]),
    "lru": (
        reference.get("lru"),
        {"nu": (H,), "theta": (H,), "gamma": (H,), "D": (I, H)}
        | {f"{kernel}_{part}": (rows, H) for kernel, rows in {"B": I, "C": H}.items() for part in ("re", "im")},
        ["h_re", "h_im"],
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
    dys = rng.standard_normal((T, B, H))

    def loss(p, xs, initial, start=0):
        """Σ dys · y + Σ direct · s, from the states `initial` before step `start` on."""
        if start == T:
            return 0
        states = cell.forward(p, xs[start:], initial)
        scored = (dys[start:] * cell.outputs(p, xs[start:], states)).sum()
        return scored + sum((direct[part][start:] * states[part]).sum() for part in parts)

    gradients = cell.gradients(p, xs, initial, dys, direct)

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
                """From s_t on, which is changed before y_t is read."""
                after = at_t | {part: a}
                y = cell.outputs(p, xs[t : t + 1], {name: value[None] for name, value in after.items()})[0]
                return (dys[t] * y).sum() + (direct[part][t] * a).sum() + loss(p, xs, after, start=t + 1)

            np.testing.assert_allclose(
                gradients.states[part][t], complex_step(changed, at_t[part]), **close, err_msg=f"{part} at {t}"
            )


def test_a_cell_without_a_reference_is_told_where_to_write_it():
    with pytest.raises(pytest.fail.Exception, match=r"tests/reference/nonesuch\.py"):
        reference.get("nonesuch")
