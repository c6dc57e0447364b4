"""The multiplication problem: remember two marked numbers among many and give their product at the end.

The adding problem with a product in place of the sum, which no unit that merely adds up what it is shown can give
(Hochreiter & Schmidhuber 1997, task 5, whose numbers are from U[0, 1] too). The variants of where the markers stand are
those of `adding`; in the paper it is `first_ten`, and T varies by a tenth. Many-to-one; mean squared error.
"""

from rnnx.tasks.synthetic._marked import Markers, two_marked
from rnnx.types import Task


def multiplication(*, markers: Markers = "halves") -> Task:
    """The multiplication problem.

    Inputs `[T, B, 2]` (number, marker), targets `[T, B, 1]` with the product at the last step, weights 1 there only.
    Always answering 1/4 has a mean squared error of Var(u₁ u₂) = 1/9 - 1/16 = 7/144, the floor of a predictor without
    memory.

    Args:
      markers: where the two numbers stand; see `adding`.

    Raises:
      ValueError: unknown markers; from `sample`, a length below 2, or below 6 of `first_ten`.

    >>> import jax
    >>> batch = multiplication().sample(jax.random.key(0), 1, 10)
    >>> numbers, markers = batch.inputs[:, 0, 0], batch.inputs[:, 0, 1]
    >>> bool(jax.numpy.isclose(numbers[markers == 1].prod(), batch.targets[-1, 0, 0]))
    True
    """
    told = "the two numbers to be multiplied"
    return two_marked("multiplication problem", told, lambda one, other: one * other, 7 / 144, markers)
