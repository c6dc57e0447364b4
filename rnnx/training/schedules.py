"""Schedules of the learning rate: factors of it as functions of the training step, by the arguments that optax has.

A factor, and not a rate, so that the learning rate stays an input of the program that trains: trials of one schedule
and of any learning rates share it. The step is that of training, so that a schedule has no state of its own.
"""

from collections.abc import Callable
from typing import Any

import jax
import optax

from rnnx import checks
from rnnx.types import Array

Schedule = Callable[[Any], Array | float]
"""(number of updates done) -> what the learning rate is multiplied by in the next one."""


def constant() -> Schedule:
    """The learning rate as it is."""
    return lambda step: 1.0


def warmup_cosine(*, warmup_steps: int = 0, decay_steps: int = 0, alpha: float = 0.0) -> Schedule:
    """Linear from 0 to 1 over `warmup_steps`, then half a cosine down to `alpha` at `decay_steps`, from the start.

    As `optax.warmup_cosine_decay_schedule` (Loshchilov & Hutter 2017, "SGDR").

    Args:
      warmup_steps: training steps of the rise.
      decay_steps: the training step at which the decay ends, counted from the start; a config takes `steps`.
      alpha: what is left of the learning rate in the end, as a share.

    Raises:
      ValueError: the decay would end before it begins; a share that is none.

    >>> factor = warmup_cosine(warmup_steps=10, decay_steps=30)
    >>> [round(float(factor(step)), 3) for step in (0, 5, 10, 20, 30)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    checks.size("warmup_steps", warmup_steps, least=0)
    checks.size("decay_steps", decay_steps)
    if decay_steps <= warmup_steps:
        raise ValueError(f"decay_steps must be above warmup_steps ({warmup_steps}), not {decay_steps}.")
    if not 0 <= checks.number("alpha", alpha) <= 1:
        raise ValueError(f"alpha must be a share of the learning rate, from 0 to 1, not {alpha!r}.")
    return _promoting(optax.warmup_cosine_decay_schedule(0.0, 1.0, warmup_steps, decay_steps, alpha))


def step(*, transition_steps: int = 0, decay_rate: float = 0.1) -> Schedule:
    """Multiplied by `decay_rate` at once after each `transition_steps`: `optax.exponential_decay(…, staircase=True)`.

    Args:
      transition_steps: training steps after which the factor has changed by `decay_rate`.
      decay_rate: factor of the learning rate in that time.

    Raises:
      ValueError: no steps, or a rate that is not above 0.

    >>> [round(float(step(transition_steps=10)(done)), 3) for done in (0, 9, 10, 25)]
    [1.0, 1.0, 0.1, 0.01]
    """
    _check_decay(transition_steps, decay_rate)
    return _promoting(optax.exponential_decay(1.0, transition_steps, decay_rate, staircase=True))


def exponential(*, transition_steps: int = 0, decay_rate: float = 0.1) -> Schedule:
    """`decay_rate ** (step / transition_steps)`: `optax.exponential_decay`.

    Args:
      transition_steps: training steps after which the factor has changed by `decay_rate`.
      decay_rate: factor of the learning rate in that time.

    Raises:
      ValueError: no steps, or a rate that is not above 0.

    >>> [round(float(exponential(transition_steps=10)(done)), 3) for done in (0, 5, 10)]
    [1.0, 0.316, 0.1]
    """
    _check_decay(transition_steps, decay_rate)
    return _promoting(optax.exponential_decay(1.0, transition_steps, decay_rate))


CONSTANT = constant()

_SCHEDULES: dict[str, Callable[..., Schedule]] = {
    made.__name__: made for made in (constant, warmup_cosine, step, exponential)
}


def names() -> tuple[str, ...]:
    """All schedules, by name."""
    return tuple(_SCHEDULES)


def get(name: str) -> Callable[..., Schedule]:
    """The factory of a schedule.

    Raises:
      ValueError: no such schedule; the message lists the known names and the nearest one.

    >>> get("cosine")
    Traceback (most recent call last):
    ValueError: no schedule named 'cosine'; did you mean 'warmup_cosine'? Known: ...
    """
    return _SCHEDULES[checks.choice("schedule", name, names())]


def _check_decay(transition_steps: int, decay_rate: float) -> None:
    checks.size("transition_steps", transition_steps)
    checks.number("decay_rate", decay_rate, above=0)


def _promoting(schedule: Schedule) -> Schedule:
    """Steps are whole numbers, which optax divides."""

    def factor(step: Any) -> Array | float:
        with jax.numpy_dtype_promotion("standard"):
            return schedule(step)

    return factor
