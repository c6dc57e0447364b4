"""The temporal order problem: in which order two or three symbols came, told at the end of a long sequence.

Symbols A, B are to be remembered among four distractors c, d, e, f; the classes are AA, AB, BA, BB, or AAA … BBB. After
tasks 6a and 6b of Hochreiter & Schmidhuber 1997 (X, Y among a, b, c, d). Variant: as of 6a Pascanu, Mikolov & Bengio
2013, where the length T is the same for all, the first place is drawn from T/10 … 2T/10 and the second from
4T/10 … 5T/10; of 6b the places are those of the paper for T = 100, 10 … 20, 33 … 43 and 66 … 76, as shares of T. In the
paper a start symbol E and a trigger B, two more inputs, stand at the ends, T is drawn from 100 … 110 and the places of
6a from 10 … 20 and 50 … 60. Many-to-one; cross-entropy.
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Task

_SYMBOLS = 2  # A, B
_DISTRACTORS = 4  # c, d, e, f
_STRETCHES = {2: ((10, 20), (40, 50)), 3: ((10, 20), (33, 43), (66, 76))}  # hundredths of T
_LEAST = {2: 3, 3: 7}  # from which length on no two stretches share a step


def temporal_order(*, symbols: Literal[2, 3] = 2) -> Task:
    """The temporal order problem with two relevant symbols, 6a, in the variant of Pascanu et al. 2013, or with three.

    Inputs `[T, B, 6]` one-hot (A, B, c, d, e, f), targets `[T, B]` with the class 2·first + second (A = 0, B = 1; of
    three symbols 4·first + 2·second + third) at the last step, weights 1 there only; outputs are logits `[T, B, 4]` or
    `[T, B, 8]`. The floor is ln 4 or ln 8 nats: the classes are equally likely, and the last symbol says nothing.

    Args:
      symbols: how many are to be remembered.

    Raises:
      ValueError: another number of symbols; from `sample`, a length below 3, or 7 of three.

    >>> import jax
    >>> batch = temporal_order().sample(jax.random.key(0), 1, 10)
    >>> "".join("ABcdef"[symbol] for symbol in batch.inputs[:, 0].argmax(-1)), int(batch.targets[-1, 0])
    ('eeBffBcefc', 3)
    """

    if symbols not in _STRETCHES:
        raise ValueError(f"symbols must be 2 or 3, not {symbols!r}.")
    least = _LEAST[symbols]

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the temporal order problem", length, least=least)
        symbol_key, distractor_key, *place_keys = jax.random.split(key, 2 + symbols)
        relevant = jax.random.randint(symbol_key, (symbols, batch_size), 0, _SYMBOLS)
        shown = _SYMBOLS + jax.random.randint(distractor_key, (length, batch_size), 0, _DISTRACTORS)
        step = jnp.arange(length)[:, None]
        for symbol, place_key, (low, high) in zip(relevant, place_keys, _STRETCHES[symbols], strict=True):
            place = jax.random.randint(place_key, (batch_size,), low * length // 100, high * length // 100 + 1)
            shown = jnp.where(step == place, symbol, shown)
        at_last = step == length - 1
        place_values = _SYMBOLS ** jnp.arange(symbols)[::-1, None]
        return Batch(
            inputs=jax.nn.one_hot(shown, _SYMBOLS + _DISTRACTORS),
            targets=jnp.where(at_last, jnp.sum(place_values * relevant, axis=0), 0),
            weights=jnp.broadcast_to(at_last.astype(jnp.float32), (length, batch_size)),
        )

    def example(batch: Batch) -> Example:
        pieces = ["ABcdef"[symbol] for symbol in np.asarray(batch.inputs)[:, 0].argmax(axis=-1)]
        marks = tuple(t for t, piece in enumerate(pieces) if piece in "AB")
        target = "".join(pieces[t] for t in marks)
        return examples.text(pieces, target, marks=marks, marked="the symbols whose order is asked")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(_SYMBOLS**symbols),
        input_size=_SYMBOLS + _DISTRACTORS,
        output_size=_SYMBOLS**symbols,
        loss_unit="cross-entropy (nats)",
        min_length=least,
        example=example,
    )
