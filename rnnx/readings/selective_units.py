"""Selective units: the number of the state that goes best with something known about the text.

Karpathy, Johnson & Li 2015, "Visualizing and understanding recurrent networks": cells that count the characters of a
line, or that are on within quotation marks. With as many numbers as a state has, some one goes with anything by chance:
it is chosen on the first half of what is read, and how well it goes with the feature is told of the second.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnx.diagnostics._tags import Tag
from rnnx.pytrees import named_leaves
from rnnx.readings._features import FEATURES
from rnnx.readings._reader import Reader, Values
from rnnx.training.runs import carried, keeping_states
from rnnx.types import Array, Batch, Params, Run, State

TAGS = (
    Tag(
        "selective_units/<feature>/unit",
        "",
        "the number of the state that is most correlated with `line_position` or `word_position` (characters since the "
        "end of the last line or word), `quotes` (within quotation marks), `brackets` (how many are open) or `speaker` "
        "(within the name of who speaks), as `c[17]` or `layer1/c[17]`; what a text does not have has no tags",
        headline=True,
    ),
    Tag("selective_units/<feature>/chosen_by", "−1 … 1", "its correlation in the half of the text where it was chosen"),
    Tag("selective_units/<feature>/correlation", "−1 … 1", "its correlation in the other half", headline=True),
    Tag("selective_units/<feature>/text", "", "a passage of the other half: its characters, a list of texts"),
    Tag("selective_units/<feature>/activation", "", "that number of the state after each of them"),
)

_CHARACTERS, _STRETCHES = 49_152, 64
"""What is read, and in how many stretches side by side: 768 characters each, in chunks that are all of one size."""

_CHUNK = 128
"""Characters of each stretch whose states are held at a time: 32 MiB for each thousand numbers of a state."""

_WARM_UP = 256
"""Characters before each stretch that are read and not counted, by which the memory fills."""

_PASSAGE = 300
"""Characters that are shown."""

_CONSTANT = 1e-12
"""A variance is 0 if it is below this share of the mean square: that is the rounding of sums in float64."""


def selective_units(reader: Reader) -> Values:
    """Of each feature of the text, the most correlated of all numbers of the state: which, by how much, and a passage.

    Some 50,000 characters of the test part are read in 64 stretches, each after 256 characters that fill the memory.
    The numbers of a state are those of all recurrent parts, complex ones as two, and whatever they are: the sums of a
    bag of words, the last tokens of an n-gram model. Sums are in float64. Tags, for each feature that varies in both
    halves: `selective_units/<feature>/unit`, `…/chosen_by`, `…/correlation`, `…/text` `[P]`, `…/activation` `[P]`.
    Cost: a forward pass over 65,000 characters.

    Raises:
      ValueError: a text of words, or of fewer than 256 characters; a model without a state, or one that does not read
        on, such as one that runs in both directions.

    >>> import functools, rnnx
    >>> from rnnx.training.program import split
    >>> vocabulary = rnnx.Vocabulary("character", ("\\n", "a"))
    >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=2, output_size=2, vocabulary=vocabulary)
    >>> model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(4), task)
    >>> graphdef, params = split(model, jax.random.key(0))
    >>> tokens = (np.arange(600) % 5 > 0).astype(np.int32)
    >>> values = selective_units(Reader(graphdef, params, rnnx.plain_run, task, 8, tokens))
    >>> values["selective_units/line_position/unit"].startswith("h["), "selective_units/quotes/unit" in values
    (True, False)
    """
    if reader.vocabulary.unit != "character":
        raise ValueError(f"selective_units looks at characters, and this text is one of {reader.vocabulary.unit}s.")
    if len(reader.tokens) < 4 * _STRETCHES:
        raise ValueError(
            f"selective_units reads {4 * _STRETCHES} characters at least, and the test part has {len(reader.tokens)}."
        )
    warm_up = min(_WARM_UP, len(reader.tokens) // 2)
    size = min(_CHARACTERS, len(reader.tokens) - warm_up) // _STRETCHES  # of a stretch
    tokens = reader.tokens[: warm_up + size * _STRETCHES]
    text = "".join(reader.vocabulary.tokens[token] for token in tokens)
    features = {name: feature(text) for name, feature in FEATURES.items()}
    half = warm_up + size * _STRETCHES // 2  # where the second one begins
    occurring = {
        name: values
        for name, values in features.items()
        if np.ptp(values[warm_up:half]) > 0 and np.ptp(values[half:]) > 0
    }
    if not occurring:
        return {}
    chosen_by, correlation = _correlations(reader, tokens, np.array(list(occurring.values())), warm_up, size)
    best = np.argmax(np.abs(chosen_by), axis=1)  # a NaN, if there is one
    P = min(_PASSAGE, len(tokens) - half)
    starts = [half + _telling(text[half:], values[half:], P) for values in occurring.values()]
    windows = np.array([tokens[start - warm_up : start + P] for start in starts]).T
    (shown,) = _read(reader, windows, len(windows))
    names = _names(_shapes(reader, 1).seen)
    found: Values = {}
    for n, (name, unit) in enumerate(zip(occurring, best, strict=True)):
        found |= {
            f"selective_units/{name}/unit": names[unit],
            f"selective_units/{name}/chosen_by": chosen_by[n, unit],
            f"selective_units/{name}/correlation": correlation[n, unit],
            f"selective_units/{name}/text": list(text[starts[n] : starts[n] + P]),
            f"selective_units/{name}/activation": shown[warm_up:, n, unit],
        }
    return found


def _correlations(
    reader: Reader, tokens: np.ndarray, features: np.ndarray, warm_up: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Correlations of features `[F, N]` with all numbers of the state, `[F, S]`, in the first half of the text and in
    the second."""
    places = np.arange(warm_up + size)[:, None] + np.arange(_STRETCHES) * size
    halves = [_Sums(), _Sums()]
    for begin, states in zip(range(0, len(places), _CHUNK), _read(reader, tokens[places], _CHUNK), strict=True):
        counted = slice(max(warm_up - begin, 0), None)
        of_text = features[:, places[begin : begin + _CHUNK][counted]]
        for sums, which in zip(halves, np.split(np.arange(_STRETCHES), 2), strict=True):
            sums.add(of_text[:, :, which], states[counted, which])
    first, second = (sums.correlation() for sums in halves)
    return first, second


class _Sums:
    """Sums over characters, of which correlations are made."""

    def __init__(self) -> None:
        self.n, self.f, self.ff, self.x, self.xx, self.fx = 0, *[np.zeros(())] * 5

    def add(self, features: np.ndarray, states: np.ndarray) -> None:
        """Features `[F, T, B]` and states `[T, B, S]`."""
        f = features.reshape(len(features), -1)
        x = states.reshape(-1, states.shape[-1]).astype(float)
        self.n += len(x)
        self.f, self.ff = self.f + f.sum(axis=1), self.ff + np.square(f).sum(axis=1)
        self.x, self.xx = self.x + x.sum(axis=0), self.xx + np.square(x).sum(axis=0)
        self.fx = self.fx + f @ x

    def correlation(self) -> np.ndarray:
        """[F, S]; 0 where either does not vary, NaN where a state is."""
        f, ff, x, xx, fx = (total / self.n for total in (self.f, self.ff, self.x, self.xx, self.fx))
        variance = np.multiply.outer(*(_variance(*of) for of in ((f, ff), (x, xx))))
        covariance = fx - np.multiply.outer(f, x)
        return np.where(variance == 0, 0, covariance / np.sqrt(np.where(variance == 0, 1, variance)))


def _variance(mean: np.ndarray, mean_square: np.ndarray) -> np.ndarray:
    variance = mean_square - np.square(mean)
    return np.where(variance <= _CONSTANT * mean_square, 0, variance)


def _read(reader: Reader, tokens: np.ndarray, chunk: int) -> Iterator[np.ndarray]:
    """Read tokens `[T, B]` in chunks: the numbers of the state, `[chunk, B, S]`."""
    restarts = np.ones(tokens.shape[1], bool)
    # Zeros that are not looked at, since all restart.
    ended = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), _shapes(reader, len(restarts)).ended)
    for begin in range(0, len(tokens), chunk):
        seen, ended = _states(reader.model, reader.params, tokens[begin : begin + chunk], ended, restarts, reader.run)
        restarts = np.zeros_like(restarts)
        yield _numbers(jax.device_get(seen))


class _Seen(NamedTuple):
    """What was seen of the parts of a model."""

    seen: dict[str, State]
    """All states, `[T, B, …]`."""
    ended: dict[str, State]
    """The last ones, `[B, …]`."""


@functools.partial(jax.jit, static_argnames=("model", "run"))
def _states(
    model: Any, params: Params, tokens: Array, began: dict[str, State] | None, restarts: Array, run: Run
) -> _Seen:
    """The states of all parts of a model that goes on reading tokens `[T, B]`."""
    found = _Seen({}, {})
    batch = Batch(tokens, None, jnp.ones(tokens.shape))
    nnx.merge(model, params)(batch, carried(keeping_states(run, found.seen), began, restarts, found.ended))
    return found


def _shapes(reader: Reader, B: int) -> _Seen:
    """The shapes of what is seen of one token."""
    token, restarts = np.zeros((1, B), np.int32), np.ones(B, bool)
    shapes = jax.eval_shape(lambda: _states(reader.model, reader.params, token, None, restarts, reader.run))
    if not jax.tree.leaves(shapes.seen):
        raise ValueError("selective_units looks at the state of a recurrent part, and this model has none.")
    return shapes


def _numbers(seen: dict[str, State]) -> np.ndarray:
    """States `[T, B, …]` of all parts as real numbers `[T, B, S]`."""
    leaves = (leaf.reshape(*leaf.shape[:2], -1) for leaf in jax.tree.leaves(list(seen.values())))
    parts = ((leaf.real, leaf.imag) if _is_complex(leaf) else (leaf,) for leaf in leaves)
    return np.concatenate([of for leaf in parts for of in leaf], axis=-1)


def _names(seen: dict[str, State]) -> list[str]:
    """What these numbers are called."""
    names = []
    for part, states in seen.items():
        prefix = f"{part}/" if len(seen) > 1 else ""
        for name, leaf in named_leaves(states).items():
            places = [f"[{','.join(map(str, place))}]" if place else "" for place in np.ndindex(leaf.shape[2:])]
            endings = (".real", ".imag") if _is_complex(leaf) else ("",)
            names += [f"{prefix}{name}{place}{ending}" for ending in endings for place in places]
    return names


def _is_complex(leaf: Any) -> bool:
    return np.issubdtype(leaf.dtype, np.complexfloating)


def _telling(text: str, values: np.ndarray, P: int) -> int:
    """Where a passage of P characters begins in which a feature varies as it does in all of the text.

    The first such line; if there is none, the one where it varies most.
    """
    lines = [n for n in range(len(text) - P + 1) if n == 0 or text[n - 1] == "\n"]
    starts = np.array(lines if len(lines) > 1 else range(0, len(text) - P + 1, math.ceil(P / 2)))
    total, square = (np.concatenate([[0], np.cumsum(of)]) for of in (values, np.square(values)))
    variance = (square[starts + P] - square[starts]) / P - np.square((total[starts + P] - total[starts]) / P)
    enough = variance >= values.var()
    return int(starts[np.argmax(enough) if enough.any() else np.argmax(variance)])
