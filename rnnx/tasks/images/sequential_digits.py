"""Handwritten digits of 8 × 8 pixels, read pixel by pixel: which one was it, told after the last.

    x_1 … x_64  how dark a pixel is, row after row        digit at the last step: 0 … 9

1,797 images, of which there is no published split of this kind: of each digit every fifth is tested on, and of the
others every tenth held out, in the order of the file, where those of one writer stand together. A small version of
`sequential_mnist`, of minutes. Many-to-one; cross-entropy.
"""

from rnnx.data.digits import digits
from rnnx.tasks.images import _classes, _pixels
from rnnx.types import Task


def sequential_digits() -> Task:
    """Digits, a pixel a step.

    Inputs `[T, B, 1]`, from 0 to 1; targets `[T, B]` with the digit at step 64, weights 1 there only; outputs are
    logits `[T, B, 10]`. T is `length`, at least 64; past that is padding. The floor is ln 10 nats.

    Raises:
      rnnx.data.DataError: the images can't be had.
      ValueError: from `sample`, a length below 64.

    >>> import jax
    >>> batch = sequential_digits().sample(jax.random.key(0), 4, 64)  # doctest: +SKIP
    >>> batch.inputs.shape  # doctest: +SKIP
    (64, 4, 1)
    """
    images = digits()
    reading = _pixels.Reading(*images.pixels.shape[1:])
    data = {"images": images.name, "sha256": images.sha256}
    return _classes.task(_classes.split(reading.part(images)), reading.example, data)
