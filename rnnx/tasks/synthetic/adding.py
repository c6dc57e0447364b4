"""The adding problem: remember two marked numbers among many and give their sum at the end.

Each step shows a number from U[0, 1] and a marker. Variants, by where the two markers stand:

- `halves`: one in each half of the sequence, at a random place (Arjovsky, Shah & Bengio 2016; Tallec & Ollivier 2018);
- `anywhere`: at any two places (Bai, Kolter & Koltun 2018);
- `first_ten`: one among the first ten steps, the other among the first T/2 - 1 (Hochreiter & Schmidhuber 1997, whose
  numbers are from U[-1, 1], whose target is 1/2 + (x₁ + x₂) / 4, and whose T varies by a tenth).

Many-to-one; mean squared error.
"""

from rnnx.tasks.synthetic._marked import Markers, two_marked
from rnnx.types import Task


def adding(*, markers: Markers = "halves") -> Task:
    """The adding problem.

    Inputs `[T, B, 2]` (number, marker), targets `[T, B, 1]` with the sum at the last step, weights 1 there only. Always
    answering 1 has a mean squared error of Var(u₁ + u₂) = 1/6, the floor of a predictor without memory.

    Args:
      markers: where the two numbers stand; see above.

    Raises:
      ValueError: unknown markers; from `sample`, a length below 2, or below 6 of `first_ten`.

    >>> import jax
    >>> batch = adding().sample(jax.random.key(0), 4, 10)
    >>> numbers, markers = batch.inputs[..., 0], batch.inputs[..., 1]
    >>> bool(jax.numpy.allclose((numbers * markers).sum(0), batch.targets[-1, :, 0]))
    True
    """
    told = "the two numbers to be added"
    return two_marked("adding problem", told, lambda one, other: one + other, 1 / 6, markers)
