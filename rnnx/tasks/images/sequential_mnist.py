"""Sequential MNIST: handwritten digits of 28 × 28 pixels, read pixel by pixel or row by row.

    x_1 … x_784  how bright a pixel is, row after row        digit at the last step: 0 … 9
    x_1 … x_28   a row of 28 pixels a step

By pixels it is the classic of vanishing gradients (Le, Jaitly & Hinton 2015): what decides lies hundreds of steps back,
and by a permutation of all pixels, the same for all images, what belongs together is torn apart.

Of MNIST's 60,000 images to train on there are 5,000 here, 500 of each digit (`rnnx.data.mnist_5k`): of each every fifth
is tested on, and of the others every tenth held out, so that 3,600 are trained on. Numbers of the whole of it are
better: with some 70,000 parameters Bai, Kolter & Koltun 2018 have 87.2 % with an LSTM, 96.2 % with a GRU and 21.5 %
with a plain network by pixels; permuted 85.7 %, 87.3 % and 25.3 %. Many-to-one; cross-entropy.
"""

from typing import Literal

import numpy as np

from rnnx import checks
from rnnx.data.mnist_5k import mnist_5k
from rnnx.tasks.images import _classes, _pixels
from rnnx.types import Task

_SEED = 0
"""Of the permutation, by NumPy's old generator, which does not change."""


def sequential_mnist(*, by: Literal["pixels", "rows"] = "pixels", permuted: bool = False) -> Task:
    """Digits of MNIST, a pixel or a row a step.

    Inputs `[T, B, 1]` or `[T, B, 28]`, from 0 to 1; targets `[T, B]` with the digit at step 784 or 28, weights 1 there
    only; outputs are logits `[T, B, 10]`. T is `length`, at least that; past it is padding. The floor is ln 10 nats.

    Args:
      by: `pixels` or `rows`.
      permuted: whether the pixels stand in an order that is drawn once, and the same for all images.

    Raises:
      rnnx.data.DataError: the images can't be had.
      ValueError: another `by`; from `sample`, a length below that of all.

    >>> import jax
    >>> batch = sequential_mnist(by="rows").sample(jax.random.key(0), 4, 28)  # doctest: +SKIP
    >>> batch.inputs.shape  # doctest: +SKIP
    (28, 4, 28)
    """
    checks.choice("unit to read by", by, ("pixels", "rows"))
    images = mnist_5k()
    tall, wide = images.pixels.shape[1:]
    order = np.random.RandomState(_SEED).permutation(tall * wide) if permuted else None
    reading = _pixels.Reading(tall, wide, each=1 if by == "pixels" else wide, order=order)
    data = {"images": images.name, "sha256": images.sha256}
    return _classes.task(_classes.split(reading.part(images)), reading.example, data)
