"""Models, one per file: from a batch to outputs, by cells that are run over time.

The model of the file `encoder_decoder` is its class `EncoderDecoder`, a `flax.nnx.Module` made by
`EncoderDecoder(cell, task, *, rngs, …)`; further keyword arguments are its options. Called as `model(batch, run)` it
gives the outputs that the task scores. It hands each of its recurrent parts to `run` under a name of its own, and knows
nothing of how it is trained or measured.

>>> "sequence" in names()
True
"""

from collections.abc import Callable

from flax import nnx

from rnnx import registry
from rnnx.references import is_reference, resolve


def names() -> tuple[str, ...]:
    """The names of all models."""
    return registry.names(__name__)


def get(name: str) -> Callable[..., nnx.Module]:
    """A model's class by name; `ValueError` with the nearest known name if there is none."""
    if is_reference(name):
        return resolve(name)
    return getattr(registry.module(__name__, name), name.title().replace("_", ""))
