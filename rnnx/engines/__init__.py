"""Ways to run time. Each file holds one `Engine` of the file's name, whose `run` is

    run(cell, params, steps, state, reverse, recompute) -> (final_state, states)

with `steps` the `Steps` of the sequence and `recompute` as `remat="full"` in `rnnx.unroll`. For t = 1 … T (T … 1 if
`reverse`):

    s = initial state where resets[t], else s_{t-1}
    s_t = step(s, x_t) + perturbations[t] where valid[t], else s_{t-1} (frozen)

`states` is [T, B, …]. All engines agree in value and gradient. Callers use `rnnx.unroll`, which prepares these
arguments, cuts time into segments where `remat` or `truncate` ask for it, and takes cells of form `Composed` apart, so
that an engine never sees one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx import registry
from rnnx.types import Array, Cell, Dense, Diagonal, State


class Steps(NamedTuple):
    """What happens at each step of time, or, as an engine meets it inside a loop, at one step."""

    xs: Any
    """[T, B, I]; what an engine makes of them beforehand, such as their projection, may stand in their place."""
    valid: Array | None
    """[T, B]: false past an example's length and at masked steps."""
    resets: Array | None
    """[T, B]."""
    perturbations: State | None
    """Like the states, [T, B, …]."""


class Engine(NamedTuple):
    """A way to run time, and which cells it is for."""

    run: Callable[..., tuple[State, State]]
    form: type[Dense] | type[Diagonal] | None = None
    """The form a cell must have; `None`: any cell that can be stepped."""
    rematerializes: bool = False
    """Whether it takes `remat`, to compute again in the backward pass what it did not keep."""
    counts_steps: bool = False
    """Whether it must know T, which `jax.export` may leave open."""

    def takes(self, cell: Cell) -> bool:
        """Whether this engine can run the cell."""
        return self.form is None or isinstance(cell.form, self.form)


def names() -> tuple[str, ...]:
    """The names of all engines.

    >>> "scan" in names()
    True
    """
    return registry.names(__name__)


def get(name: str) -> Engine:
    """An engine by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)


def choose(name: str, cell: Cell, remat: str | int | None, T: int) -> Engine:
    """The engine for a cell; `"auto"` takes the first that the cell's form allows.

    Raises:
      ValueError: unknown engine; an engine for cells of another form; one that can't rematerialise; one that must know
        T, where that is symbolic.
    """
    is_open = jax.export.is_symbolic_dim(T)
    if name == "auto":
        preferred = (engine for engine in map(get, _preferred()) if engine.takes(cell))
        preferred = (engine for engine in preferred if remat is None or engine.rematerializes)
        return next(engine for engine in preferred if not (is_open and engine.counts_steps))
    engine = get(name)
    if not engine.takes(cell):
        assert engine.form is not None
        others = ", ".join(repr(other) for other in names() if get(other).takes(cell))
        raise ValueError(
            f"engine {name!r} is for cells of form {engine.form.__name__}, and this cell has "
            f"{'no form' if cell.form is None else f'the form {type(cell.form).__name__}'}; it runs on {others}."
        )
    if remat is not None and not engine.rematerializes:
        others = ", ".join(repr(other) for other in names() if get(other).rematerializes and get(other).takes(cell))
        raise ValueError(f"engine {name!r} does not rematerialise, so remat must be None; those that do: {others}.")
    if is_open and engine.counts_steps:
        others = ", ".join(repr(other) for other in names() if not get(other).counts_steps and get(other).takes(cell))
        raise ValueError(
            f"engine {name!r} must know the number of steps, which here is {T}; those that need not: {others}."
        )
    return engine


def _preferred() -> tuple[str, ...]:
    """Fastest first. On two CPU cores `associative` took 2 to 12 times as long as `scan` for T from 128 to 4096 and
    states of 64 to 4096 entries (docs/engines.md); elsewhere each step of `scan` waits for kernels to be started.
    """
    return ("fused", "scan") if jax.default_backend() == "cpu" else ("fused", "associative", "scan")


def one_step(xs: Array) -> Any:
    """The shape and type of x_t, as of xs[0], which a sequence without steps does not have."""
    return jax.eval_shape(lambda xs: jnp.sum(xs, axis=0, dtype=xs.dtype), xs)


def select(mask: Array, on_true: State, on_false: State) -> State:
    """Choose between two states example by example, `mask [B]`, by `where`: a NaN not chosen does not survive."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(jnp.expand_dims(mask, range(mask.ndim, a.ndim)), a, b)

    return jax.tree.map(pick, on_true, on_false)


def masked_step(step: Callable[[State, Any], State], initial: State, state: State, at_t: Steps) -> State:
    """One step of time with all that can happen at it; the two lines of this package's docstring."""
    x, valid, reset, perturbation = at_t
    new = step(state if reset is None else select(reset, initial, state), x)
    if perturbation is not None:
        new = jax.tree.map(jnp.add, new, perturbation)
    return new if valid is None else select(valid, new, state)


def fusion_barrier(of_step: Array) -> Array:
    """Keep the slice of step t out of the code that uses it, on the CPU.

    XLA would fuse it with the elementwise code of the cell, which then is not vectorised: an LSTM's step with H = 128,
    B = 32 took 55 µs so, 28 µs with the slice apart (jax 0.12, x86).
    """
    return jax.lax.optimization_barrier(of_step) if jax.default_backend() == "cpu" else of_step
