"""Means over a whole split of data, each example once, whatever the batches are."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.training.objective import Carried
from rnnx.training.program import Score
from rnnx.types import Array, Batch, Params

_FORGOTTEN = 1e-4
"""States that differ by no more, or by no more than this share, are taken for one: the difference in the mean of what
follows is smaller by orders, since a stretch is long."""

_READINGS = 4
"""Of stretches side by side, after which a network is taken for one that does not forget within a stretch."""


def evaluate(
    score: Score,
    params: Params,
    batches: Iterable[Batch],
    summary: Callable[[dict[str, Any]], dict[str, float]] | None = None,
) -> dict[str, float]:
    """Σ w v / Σ w of the loss and of every score over all positions of all batches, and what `summary` makes of them.

    It alone is given the means of values that have axes of their own (`rnnx.types.Scores`).

    Batches of two sizes, as where the last one is smaller, compile twice. The sums are taken in float64, in which the
    order of 10⁸ float32 numbers does not show.

    Of one long text (`Batch.restarts`) the memory is that of all that stands before, as if it were read in one pass by
    a single example: see `Task.test_batches`. The stretches are read side by side, each from where the one before it
    ended the last time, until none begins elsewhere; that takes two or three readings of a network that forgets within
    a stretch. Of one that does not, such as one with a unit that holds what it has for ever, they are read one by one.

    Args:
      score: as `Program.score`.
      params: of the model.
      batches: a split, as by `Task.test_batches`.
      summary: as `Task.summary`.

    Returns:
      Numbers by name; NaN where nothing counts.

    >>> import functools, rnnx
    >>> from rnnx.training.program import program
    >>> adding = rnnx.tasks.get("adding")()
    >>> model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(8), adding)
    >>> p = program(model, adding, length=5, batch_size=4, steps_per_dispatch=1, measure_batch_size=4, diagnostics=())
    >>> batches = [adding.sample(jax.random.key(n), 4, 5) for n in range(3)]
    >>> sorted(evaluate(p.score, p.init(0).params, batches))
    ['loss', 'within_0.1']
    """

    def read(batches: Iterable[Batch], states: Carried) -> tuple[dict[str, np.ndarray], Carried]:
        """Means over all batches, and where the last one ended."""
        totals: dict[str, Any] = defaultdict(float)
        counts: dict[str, Any] = defaultdict(float)
        for batch in batches:
            scores, states = score(params, batch, states)
            for name, (values, weights) in jax.device_get(scores).items():
                weights = np.asarray(weights, float)
                spread = weights.reshape(*weights.shape, *[1] * (np.ndim(values) - weights.ndim))
                totals[name] += np.sum(spread * values, axis=tuple(range(weights.ndim)))
                counts[name] += np.sum(weights)
        with np.errstate(invalid="ignore"):  # 0 / 0
            return {name: np.asarray(total / counts[name]) for name, total in totals.items()}, states

    batches = iter(batches)
    beginning = list(itertools.islice(batches, 1))
    if beginning and beginning[0].restarts is not None:
        empty = jax.tree.map(jnp.zeros_like, jax.eval_shape(score, params, beginning[0], None)[1])
        means = _settled(read, [*beginning, *batches], empty)
    else:
        means, _ = read(itertools.chain(beginning, batches), None)
    numbers = {name: float(mean) for name, mean in means.items() if mean.ndim == 0}
    return numbers | (summary(means | numbers) if summary else {})


def _settled(
    read: Callable[[Iterable[Batch], Carried], tuple[dict[str, np.ndarray], Carried]],
    batches: list[Batch],
    empty: Carried,
) -> dict[str, np.ndarray]:
    """The means of a text whose stretches each begin where the one before it ends."""
    restarts = batches[0].restarts
    assert restarts is not None
    means, ended = read([batches[0]._replace(restarts=jnp.ones_like(restarts)), *batches[1:]], empty)
    began = jax.tree.map(lambda s: jnp.full_like(s, jnp.nan), empty)  # which is like no other
    for _ in range(_READINGS):
        begins = jax.tree.map(lambda s: jnp.roll(s, 1, axis=0), ended)
        if jax.tree.all(jax.tree.map(_alike, began, begins)):
            return means
        began = begins
        means, ended = read(batches, began)
    one_by_one = (_example(batch, b) for b in range(len(restarts)) for batch in batches)
    means, _ = read(one_by_one, jax.tree.map(lambda s: s[:1], empty))
    return means


def _example(batch: Batch, b: int) -> Batch:
    """One example of a text's batch."""

    def of(tree: Any, axis: int) -> Any:
        return jax.tree.map(lambda a: jax.lax.slice_in_dim(a, b, b + 1, axis=axis), tree)

    inputs, targets, weights = of((batch.inputs, batch.targets, batch.weights), 1)
    lengths, restarts = of((batch.lengths, batch.restarts), 0)
    return Batch(inputs, targets, weights, lengths, restarts)


def _alike(one: Array, other: Array) -> bool:
    """Whether all examples but the first, which begins with an empty memory, begin in one state as in the other."""
    return np.allclose(one[1:], other[1:], rtol=_FORGOTTEN, atol=_FORGOTTEN)
