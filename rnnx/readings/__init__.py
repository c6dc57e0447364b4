"""What a trained model does with what it was not trained on, such as a text that it reads, one reading per file.

A reading is a function `read(reader) -> {"tag": value}` of a `Reader`: the model with its parameters, its task, and the
text of that where it is one of language. A value is a number, a curve, a text or a list of texts, in float32. It is not
of a gradient, and is no part of training: `experiments.analyze` finds it by name, as it does a diagnostic; those that
it finds are rnnx's own. NaN in gives NaN out.

>>> "surprise" in names()
True
"""

from collections.abc import Callable

from rnnx import registry
from rnnx.diagnostics._tags import Tag
from rnnx.readings._reader import Reader, Values, text_of

__all__ = ["Reader", "Values", "get", "names", "tags", "text_of"]


def names() -> tuple[str, ...]:
    """The names of all readings."""
    return registry.names(__name__)


def get(name: str) -> Callable[[Reader], Values]:
    """A reading by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)


def tags(name: str) -> tuple[Tag, ...]:
    """What a reading declares of its tags; `ValueError` as in `get`.

    >>> [tag.name for tag in tags("surprise")]
    ['surprise/text', 'surprise/nats', 'surprise/mean']
    """
    return registry.module(__name__, name).TAGS
