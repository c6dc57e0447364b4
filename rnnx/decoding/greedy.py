"""Writing to a whole split of data, by the likeliest token each time: what a task scores as `Task.decoding`."""

import itertools
from collections.abc import Iterator

import jax
import numpy as np
from flax import nnx

from rnnx.decoding._decoder import graph_of
from rnnx.decoding.beam import beam_search
from rnnx.types import Batch, Decoding, Params, Run
from rnnx.unroll import plain_run


def greedy(
    model: nnx.Module | nnx.GraphDef, params: Params, decoding: Decoding, *, batch_size: int, run: Run = plain_run
) -> list[list[int]]:
    """What a model writes to each example of a split, in order, without the end.

    The likeliest token each time is a beam search of width 1, which is over as soon as all of a batch have ended.
    Compiles once for each model and shape of the batches, since the last batch is filled up with what is in it.

    Args:
      model, params, run: as for `rnnx.decoding.sample`.
      decoding: of a task.
      batch_size: examples at a time.

    Raises:
      ValueError: as from `rnnx.decoding.beam_search`.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("reverse")()
    >>> model = rnnx.models.get("encoder_decoder")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> batches = [task.sample(jax.random.key(n), B, 10) for n, B in enumerate((4, 2))]
    >>> decoding = Decoding(lambda batch_size: batches, length=10, end=None, score=lambda outputs: ({}, []))
    >>> [len(output) for output in greedy(model, nnx.state(model), decoding, batch_size=4)]
    [10, 10, 10, 10, 10, 10]
    """
    graphdef = graph_of(model)

    def outputs(batch: Batch) -> Iterator[list[int]]:
        filled, size = _filled(batch, batch_size)
        beams = beam_search(graphdef, params, filled, width=1, length=decoding.length, end=decoding.end, run=run)
        best = jax.tree.map(lambda a: a[..., :size, 0], jax.device_get(beams))
        for tokens, length, ended in zip(best.tokens.T, best.lengths, best.finished, strict=True):
            yield tokens[: length - ended].tolist()

    return list(itertools.chain.from_iterable(map(outputs, decoding.batches(batch_size))))


def _filled(batch: Batch, batch_size: int) -> tuple[Batch, int]:
    """A batch in which the last example stands for those that it lacks, and how many it has by itself."""
    size = jax.tree.leaves(batch.inputs)[0].shape[1]
    which = np.minimum(np.arange(batch_size), size - 1)
    return jax.tree.map(lambda a: a[:, which] if a.ndim > 1 else a[which], batch), size
