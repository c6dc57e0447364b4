"""Sensitivity of the state to the parameters: the curse of memory."""

from rnnx.diagnostics._again import run_again
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import check_state
from rnnx.dynamics.memory import PROBES, log10_squares
from rnnx.types import Array, GradientFlow, Histogram, Params, State

TAGS = (
    Tag(
        "sensitivity/<parameter>/log10",
        "log10",
        "E ‖∂s_T/∂θ‖²: how much the last state moves with an array of parameters",
        headline=True,
    ),
)


def sensitivity(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """E ‖∂s_T/∂θ‖_F² for each parameter array θ: how much the last state moves when θ does.

    It grows with memory even where gradients neither vanish nor explode: for h ← λ h + x as 1 / (1 - λ)³, see
    `rnnx.dynamics.memory.curse_of_memory` (Zucchet & Orvieto 2024, "Recurrent neural networks: vanishing and exploding
    gradients are not the end of the story"). Tag: `sensitivity/<parameter>/log10`, the log10 of the mean over the
    examples, each at its last step; -inf for an array that the state does not depend on.

    By forward mode: ‖∂s_T/∂θ‖_F² is the mean of ‖∂s_T/∂θ v‖² over random v of ±1, eight fixed ones here; for an array
    of which each entry moves entries of the state of its own, such as a λ, one is exact. Cost: time runs forward eight
    times for each parameter array, by engine `scan`.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return sensitivity(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> sorted(jax.jit(measure)(params))
    ['sensitivity/bias/log10', 'sensitivity/input_kernel/log10', 'sensitivity/recurrent_kernel/log10']
    """
    check_state("sensitivity", flow.states)

    def final_state(params: Params) -> State:
        return run_again(flow, flow.cell, params, lengths=flow.last + 1, engine="scan")[1]

    return {
        f"sensitivity/{name}/log10": value
        for name, value in log10_squares(final_state, flow.params, flow.last >= 0, PROBES).items()
    }
