"""What tasks on one long text share: its parts, windows of them, a stream over one, and the last as a single text."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, data, examples
from rnnx.data import Text
from rnnx.tasks._scores import cross_entropy
from rnnx.types import Array, Batch, Task
from rnnx.vocabulary import Vocabulary

Shares = tuple[int, ...]
"""Per cent of a text to train on, held out, and to test on; of two, the second is held out and tested on as well."""

_STEPS = 256
"""Of a batch of the test part, at most."""

_LOGITS = 2**25
"""Of such a batch, the most logits, 128 MiB in float32: with a large vocabulary the steps are fewer."""


def read(corpus: str, path: str) -> Text:
    """The corpus of that name, or the file if there is a path.

    Raises:
      rnnx.data.DataError: it can't be had.
      ValueError: no such corpus.
    """
    return data.read_file(path) if path else _loaded(data.get(checks.choice("corpus", corpus, data.texts())))


@functools.lru_cache(maxsize=2)
def _loaded(load: Callable[[], Text]) -> Text:
    """A corpus, which is the same whenever it is read: another one would have another hash, and be refused."""
    return load()


def shares(corpus: str, path: str, otherwise: Shares) -> Shares:
    """How a text is divided: Tiny Shakespeare, by custom (Karpathy's nanoGPT), into two parts."""
    return (90, 10) if corpus == "tinyshakespeare" and not path else otherwise


def cut(text: str, shares: Shares, border: str = "") -> list[str]:
    r"""A text in parts, by position, each of which ends at the first place from there on that the border matches.

    >>> cut("to be or not to be", (50, 50)), cut("to be or not to be", (50, 50), r"\s|\Z")
    (['to be or ', 'not to be'], ['to be or not', ' to be'])
    """
    pattern = re.compile(border)
    places = (len(text) * percent // 100 for percent in itertools.accumulate(shares))
    ends = (match.start() for place in places if (match := pattern.search(text, place)))
    return [text[start:end] for start, end in itertools.pairwise((0, *ends))]


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """A text as tokens, whole numbers below V, in parts `[N]`."""

    vocabulary: Vocabulary
    train: np.ndarray
    heldout: np.ndarray
    test: np.ndarray


def encoded(name: str, texts: list[str], vocabulary: Vocabulary) -> Parts:
    """The parts of a text, in the smallest type that holds every number below V: a byte, for up to 256 tokens.

    Raises:
      ValueError: there is nothing to learn, or a part so short that it has nothing to predict.
    """
    smallest = np.min_scalar_type(len(vocabulary) - 1)
    train, heldout, *rest = (vocabulary.encode(text).astype(smallest) for text in texts)
    parts = Parts(vocabulary, train, heldout, *(rest or [heldout]))
    units = f"{vocabulary.unit}s"
    for part, tokens in (("train on", train), ("hold out", heldout), ("test on", parts.test)):
        if len(tokens) < 2:
            raise ValueError(
                f"{name} is too short: of its {sum(map(len, (train, heldout, *rest)))} {units} there are {len(tokens)} "
                f"to {part}, and it takes at least 2, one to be read and one to be predicted."
            )
    if (train == train[0]).all():
        raise ValueError(
            f"the {len(train)} {units} of {name} to train on are all {vocabulary.tokens[train[0]]!r}: where nothing "
            "else can follow there is nothing to learn."
        )
    return parts


def provenance(text: Text, path: str, shares: Shares, vocabulary: Vocabulary) -> dict[str, str]:
    """What a task on a text stands on, for `Task.data`."""
    return {
        "path" if path else "corpus": text.name,
        "sha256": text.sha256,
        "split": f"{'/'.join(map(str, shares))} by position" + (", tested on what is held out" * (len(shares) == 2)),
        "vocabulary_sha256": vocabulary.sha256,
    }


def next_token(parts: Parts, **fields: Any) -> Task:
    """The task to predict each token from those before it; what else a `Task` says is handed over by name."""
    units = f"{parts.vocabulary.unit}s"
    V = len(parts.vocabulary)

    def check(text: Array, part: str, batch_size: int, length: int) -> None:
        checks.size("batch_size", batch_size)
        checks.size("length", length)
        if length >= len(text):
            raise ValueError(f"length must be below {len(text)}, the {units} {part}, not {length}.")

    def sampler(text: Array, part: str) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            check(text, part, batch_size, length)
            starts = jax.random.randint(key, (batch_size,), 0, len(text) - length)
            window = text[jnp.arange(length + 1)[:, None] + starts].astype(jnp.int32)
            return Batch(
                inputs=window[:-1],
                targets=window[1:],
                weights=jnp.ones((length, batch_size)),
            )

        return sample

    text = jnp.asarray(parts.train)

    def stream(key: Array, batch_size: int, length: int, step: Array | int) -> Batch:
        """Each example reads one stretch of the text after the other, and after the last, which is scored as far as the
        text goes, the first again, with an empty memory."""
        check(text, "to train on", batch_size, length)
        stretches = -(-(len(text) - 1) // length)
        if batch_size > stretches:
            raise ValueError(
                f"batch_size must be at most {stretches}, the stretches of {length} {units} to train on, "
                f"not {batch_size}: examples of a stream begin at different ones."
            )
        apart = jnp.asarray(np.arange(batch_size) * stretches // batch_size, jnp.int32)
        first = apart + jax.random.randint(key, (), 0, stretches, jnp.int32)
        stretch = (first + step % stretches) % stretches
        position = jnp.arange(length, dtype=jnp.int32)[:, None] + stretch * length
        window = text[jnp.minimum(jnp.concatenate([position, position[-1:] + 1]), len(text) - 1)].astype(jnp.int32)
        return Batch(
            inputs=window[:-1],
            targets=window[1:],
            weights=(position < len(text) - 1).astype(float),
            restarts=(stretch == 0) | (step == 0),
        )

    def test_batches(batch_size: int) -> Iterator[Batch]:
        """Each example is a stretch of the text, as long as all others, so that the last of them end beyond it."""
        checks.size("batch_size", batch_size)
        steps = max(1, min(_STEPS, _LOGITS // (batch_size * V)))
        batches = -(-(len(parts.test) - 1) // (batch_size * steps))
        begins = np.arange(batch_size) * batches * steps

        def batch(n: int) -> Batch:
            position = begins + n * steps + np.arange(steps)[:, None]
            window = parts.test[np.minimum([position, position + 1], len(parts.test) - 1)].astype(np.int32)
            return Batch(
                inputs=jnp.asarray(window[0]),
                targets=jnp.asarray(window[1]),
                weights=jnp.asarray(position < len(parts.test) - 1, jnp.float32),
                restarts=jnp.asarray(position[0] == 0),
            )

        return map(batch, range(batches))

    return Task(
        sample=sampler(text, "to train on"),
        sample_heldout=sampler(jnp.asarray(parts.heldout), "held out"),
        losses=cross_entropy,
        input_size=V,
        output_size=V,
        vocab_size=V,
        test_batches=test_batches,
        stream=stream,
        vocabulary=parts.vocabulary,
        train_tokens=lambda: parts.train.astype(np.int32),
        example=functools.partial(examples.next_token, parts.vocabulary),
        **fields,
    )


class Bigrams(NamedTuple):
    """Counts in the text to train on, for each pair of neighbours (a, b) of the one held out, `[N - 1]`."""

    n_ab: np.ndarray
    """How often b follows a."""
    n_a: np.ndarray
    """How often anything follows a."""
    d_a: np.ndarray
    """How many different tokens follow a."""


def bigrams(parts: Parts) -> Bigrams:
    """What a predictor that sees the current token alone can know of the next one held out."""
    train, heldout, V = parts.train, parts.heldout, len(parts.vocabulary)

    def pairs(tokens: np.ndarray) -> np.ndarray:
        return tokens[:-1].astype(np.int64) * V + tokens[1:]

    # Of the V² pairs most never occur, and of a large V there is no room for all.
    occurring, which = np.unique(np.concatenate([pairs(train), pairs(heldout)]), return_inverse=True)
    seen, asked = np.split(which, [len(train) - 1])
    counts = np.bincount(seen, minlength=len(occurring))
    return Bigrams(
        n_ab=counts[asked],
        n_a=np.bincount(train[:-1], minlength=V)[heldout[:-1]],
        d_a=np.bincount(occurring[counts > 0] // V, minlength=V)[heldout[:-1]],
    )


@functools.lru_cache(maxsize=2)
def witten_bell_cross_entropy(parts: Parts) -> float:
    """Held-out cross-entropy, nats per token, of p(b | a) = (n_ab + d_a p(b)) / (n_a + d_a), d_a being how many
    different tokens follow a (Witten & Bell 1991), counted on the text to train on, with p(b) = (n_b + 1) / (N + V);
    where a is new, of p(b)."""
    n_ab, n_a, d_a = bigrams(parts)
    V = len(parts.vocabulary)
    p_b = ((np.bincount(parts.train, minlength=V) + 1) / (len(parts.train) + V))[parts.heldout[1:]]
    d_a = np.maximum(d_a, 1)
    return float(-np.log((n_ab + d_a * p_b) / (n_a + d_a)).mean())


def perplexity(means: dict[str, float]) -> dict[str, float]:
    """exp(Σ nats / Σ tokens) over a split, for `Task.summary`."""
    with np.errstate(over="ignore"):  # of a model that has diverged
        return {"perplexity": float(np.exp(means["loss"]))}
