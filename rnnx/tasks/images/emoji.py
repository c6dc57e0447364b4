"""Captions of emoji: from a drawing to its name, "surfer : medium skin tone"; or of pictures of one's own.

One to many, a word a step; cross-entropy. Signs are words of their own, and all is in small letters. The drawings are
Twemoji's, 48 × 48 pixels (`rnnx.data.emoji`). Of 1,911 bases 1,588 are drawn once; the others also in skin tones, one
of five or pairs of them.

Two splits are tested, on what the model writes itself; which a drawing belongs to follows from a hash of base and tone:

- `pairs`: some 15 % of all pairs of a base with a tone. The base was trained on, and so was the tone, but not the two
  together: to be told right, they have to be seen apart from each other;
- `bases`: a tenth of all bases, in every tone. Nothing of the kind was ever named: a name can be right where it is
  made up of words of others, as of a clock at another hour. Six of the 430 drawings have the name of another base.

Some 5 % of the pairs are held out for measurements. Pictures of one's own are divided by a hash of their names, 80 % to
train on, 10 % held out and 10 % tested on, the split `test`. A task of rnnx.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks
from rnnx.data._pictures import Pictures, read_captions
from rnnx.data.emoji import emoji as drawings
from rnnx.tasks._bigram import bigram_cross_entropy
from rnnx.tasks._scores import cross_entropy
from rnnx.tasks.images import _captions
from rnnx.types import Array, Batch, Decoding, Task

_WORD = re.compile(r"[^\s:,]+|[:,]")


def emoji(*, path: str = "") -> Task:
    """Drawings to be named.

    Inputs are `Captioned`: images `[1, B, 48, 48, 3]`, and what the decoder is given, the target of the step before
    (V + 1 before the first), with `target_lengths`. Targets `[T, B]` are whole numbers below V, the words, and V after
    the last; weights 1 up to it. Outputs are logits `[T, B, V + 1]`. T is `length`, but at most what the longest
    caption takes, 15 of emoji: longer ones are not drawn. `test_batches` has the split `pairs`, or that of one's own
    pictures, whatever the length, and `decoding` both splits, whose numbers are `exact_<split>` and `bleu1_<split>` to
    `bleu4_<split>`. V counts all words there are, those too that are only tested on.

    The baseline is the held-out cross-entropy of a bigram model of the captions to train on. Scores are of a model that
    is given the true words before each: `accuracy` of words, the end included, and `exact`, the share of captions that
    are right as a whole.

    Args:
      path: a list of pictures of one's own to take instead, a CSV file whose first line is `image,caption`; what stands
        in the column `image` is relative to the folder of the list. Every picture is made 48 × 48 pixels.

    Raises:
      rnnx.data.DataError: the pictures can't be had, or the list or a picture of it is damaged.
      ValueError: too few pictures to be divided; from `sample`, a length below that of the shortest caption; from
        `test_batches` and `decoding.batches`, a size that is none.

    >>> import jax
    >>> batch = emoji().sample(jax.random.key(0), 4, 8)  # doctest: +SKIP
    >>> batch.inputs.image.shape, batch.targets.shape  # doctest: +SKIP
    ((1, 4, 48, 48, 3), (8, 4))
    """
    pictures = read_captions(path) if path else _emoji()
    table = _table(pictures, bool(path))
    end = len(table.words)
    images, codes, lengths = map(jnp.asarray, (pictures.pixels, table.codes, table.lengths))

    def batch(which: Array | np.ndarray, width: int) -> Batch:
        shown = images[which].astype(jnp.float32) / 255
        return _captions.batch(shown, codes[which][:, :width], lengths[which], end)

    def sampler(part: str) -> Callable[[Array, int, int], Batch]:
        of_part = np.flatnonzero(table.part == part)

        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of captions", length, least=table.min_length)
            short_enough = jnp.asarray(of_part[table.lengths[of_part] <= length])
            return batch(jax.random.choice(key, short_enough, (batch_size,)), min(length, codes.shape[1]))

        return sample

    def batches_of(*splits: str) -> Callable[[int], Iterator[Batch]]:
        of_splits = np.concatenate([np.flatnonzero(table.part == split) for split in splits])

        def batches(batch_size: int) -> Iterator[Batch]:
            checks.size("batch_size", batch_size)
            return (batch(of_splits[n : n + batch_size], codes.shape[1]) for n in range(0, len(of_splits), batch_size))

        return batches

    def split(name: str) -> _captions.Split:
        of_split = np.flatnonzero(table.part == name)
        captions = [_captions.said(table.words, table.codes[n, : table.lengths[n] - 1]) for n in of_split]
        return _captions.Split([pictures.names[n] for n in of_split], captions)

    tested = ("test",) if path else ("pairs", "bases")
    return Task(
        sample=sampler("train"),
        sample_heldout=sampler("heldout"),
        losses=cross_entropy,
        scores=_captions.scores,
        baseline_loss=lambda length: table.baseline_loss,
        input_size=3,
        output_size=end + 1,
        loss_unit="cross-entropy (nats per word of a caption)",
        min_length=table.min_length,
        data={
            "path" if path else "pictures": pictures.name,
            "sha256": pictures.sha256,
            "split": "80/10/10 by a hash of the name" if path else "by hashes of base and tone",
            "words": str(end),
        },
        test_batches=batches_of(tested[0]),
        model="captioner",
        example=functools.partial(_captions.example, table.words),
        decoding=Decoding(
            batches=batches_of(*tested),
            length=codes.shape[1],
            end=end,
            score=lambda outputs: _captions.score({name: split(name) for name in tested}, table.words, outputs),
            shown=functools.partial(_captions.shown, table.words),
        ),
    )


def words_of(caption: str) -> list[str]:
    """The words of a caption.

    >>> words_of("Surfer: medium skin tone")
    ['surfer', ':', 'medium', 'skin', 'tone']
    """
    return _WORD.findall(caption.lower())


def part_of(base: str, tone: str) -> str:
    """The part of the emoji that one belongs to: `train`, `heldout`, `pairs` or `bases`.

    >>> part_of("apple", ""), part_of("clock1", "1F3FC"), part_of("clock1", "1F3FD")
    ('train', 'train', 'pairs')
    """
    if _hashed(base) < 2:
        return "bases"
    share = _hashed(f"{base} {tone}") if tone else 20
    return "heldout" if share == 0 else "pairs" if share < 4 else "train"


def part_of_own(name: str) -> str:
    """The part that a picture of one's own belongs to: `train`, `heldout` or `test`.

    >>> part_of_own("cat.png"), part_of_own("tree.png")
    ('train', 'heldout')
    """
    share = _hashed(name)
    return "heldout" if share < 2 else "test" if share < 4 else "train"


def _hashed(text: str) -> int:
    """A number below 20."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 20


class _Table(NamedTuple):
    words: list[str]  # V of them, in the order of their numbers
    codes: np.ndarray  # [N, T], the end after the last word and in the padding
    lengths: np.ndarray  # [N], the end included
    part: np.ndarray  # [N]
    min_length: int
    baseline_loss: float


@functools.cache
def _emoji() -> Pictures:
    """They are the same whenever they are read: others would have another hash, and be refused."""
    return drawings()


@functools.lru_cache(maxsize=2)
def _table(pictures: Pictures, own: bool) -> _Table:
    captions = [words_of(caption) for caption in pictures.captions]
    words = sorted({word for caption in captions for word in caption})
    number = {word: n for n, word in enumerate(words)}
    lengths = np.array([len(caption) + 1 for caption in captions], np.int32)
    codes = np.full((len(captions), max(map(len, captions)) + 1), len(words), np.int32)
    for row, caption in zip(codes, captions, strict=True):
        row[: len(caption)] = [number[word] for word in caption]
    if own:
        part = np.array(list(map(part_of_own, pictures.names)))
    else:
        part = np.array(list(map(part_of, pictures.bases, pictures.tones)))
    for name, told in (("train", "train on"), ("heldout", "hold out"), *([("test", "test on")] if own else [])):
        if not (part == name).any():
            raise ValueError(f"{pictures.name} has too few pictures: of {len(part)} there is none to {told}.")
    return _Table(
        words,
        codes,
        lengths,
        part,
        min_length=max(int(lengths[part == name].min()) for name in ("train", "heldout")),
        baseline_loss=bigram_cross_entropy(codes, lengths, part, len(words) + 1),
    )
