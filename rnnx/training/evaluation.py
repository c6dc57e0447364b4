"""Means over a whole split of data, each example once, whatever the batches are."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import jax
import numpy as np

from rnnx.types import Batch, Params, Scores


def evaluate(
    score: Callable[[Params, Batch], Scores],
    params: Params,
    batches: Iterable[Batch],
    summary: Callable[[dict[str, float]], dict[str, float]] | None = None,
) -> dict[str, float]:
    """Σ w v / Σ w of the loss and of every score over all positions of all batches, and what `summary` makes of them.

    Batches of two sizes, as where the last one is smaller, compile twice. The sums are taken in float64, in which the
    order of 10⁸ float32 numbers does not show.

    Args:
      score: (params, batch) -> values and weights by name, as `Program.score`.
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
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for batch in batches:
        for name, (values, weights) in jax.device_get(score(params, batch)).items():
            weights = np.asarray(weights, float)
            sums[name] += np.sum(weights * values), np.sum(weights)
    with np.errstate(invalid="ignore"):  # 0 / 0
        means = {name: float(total / weight) for name, (total, weight) in sums.items()}
    return means | (summary(means) if summary else {})
