"""Where in an example a model finds what is right, of tasks that don't say where it is, and what it hears it by."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnx.types import Alignment, Array, Batch, Params, Run
from rnnx.unroll import plain_run

Align = Callable[[Any, Batch], Alignment]


def of_first_example(
    apply: Callable[[Params, Batch, Run], Any],
    align: Align,
    params: Params,
    batch: Batch,
    execute: Callable[[Run], Run] = lambda run: run,
) -> dict[str, Array]:
    """What is recorded of the first example of a batch: see the tags `alignment/…`.

    Args:
      apply: the model, as by `rnnx.training.program.applying`.
      align: as `Task.alignment`.
      params: the model's.
      batch: whose inputs are numbers `[T, B, I]`.
      execute: wraps what runs time, as in evaluation.
    """
    first = jax.tree.map(lambda a: a[:1] if a.ndim == 1 else a[:, :1], batch)

    def loss(inputs: Array) -> tuple[Array, Alignment]:
        aligned = align(apply(params, first._replace(inputs=inputs), execute(plain_run)), first)
        return aligned.loss, aligned

    gradient, aligned = jax.grad(loss, has_aux=True)(first.inputs)
    return {
        "alignment/chances": aligned.chances,
        "alignment/of_labels": aligned.of_labels,
        "alignment/label": aligned.label,
        "alignment/input_gradient": jnp.linalg.norm(gradient[:, 0].astype(jnp.float32), axis=-1),
    }
