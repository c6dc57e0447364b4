"""What tasks of sequence to sequence on real data have in common: pairs as arrays, parts by a hash, batches of them."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks
from rnnx.types import Array, Batch, Pair


def part_of(source: str) -> str:
    """The part of the data that a source belongs to, 80, 5 and 15 %: `train`, `heldout` or `test`.

    >>> part_of("banana"), part_of("hebe"), part_of("school")
    ('train', 'heldout', 'test')
    """
    share = int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big") % 20
    return "heldout" if share == 0 else "test" if share < 4 else "train"


def codes(sequences: Sequence[Sequence[int] | np.ndarray], padding: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of whole numbers up to `padding`, padded with that to the longest, `[N, S]`; and their lengths.

    >>> codes([[1], [0, 1]], padding=2)[0].tolist()
    [[1, 2], [0, 1]]
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    padded = np.full((len(sequences), lengths.max()), padding, np.min_scalar_type(padding))
    padded[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate([np.asarray(one, int) for one in sequences])
    return padded, lengths


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """N pairs of a source and a target as whole numbers, each in a part of the data; and batches of them."""

    sources: np.ndarray
    """`[N, S]`."""
    lengths: np.ndarray
    """Of the sources, `[N]`."""
    targets: np.ndarray
    """`[N, T]`, with the end after the last token, and in the padding."""
    target_lengths: np.ndarray
    """`[N]`, the end included."""
    sizes: np.ndarray
    """What `length` bounds of those that are drawn, `[N]`."""
    part: np.ndarray
    """`[N]`: `train`, `heldout` or `test`."""
    first: int
    """What the decoder is given at the first step, the number after the last token."""
    unit: str
    """What a pair is called in messages, in the plural."""

    def check(self, name: str) -> "Pairs":
        """These, if there are some in every part.

        Raises:
          ValueError: there are not; with the name of the data.
        """
        for part, said in (("train", "train on"), ("heldout", "hold out"), ("test", "test on")):
            if not (self.part == part).any():
                raise ValueError(f"{name} has too few {self.unit}: of {len(self.part)} there is none to {said}.")
        return self

    def of(self, part: str) -> np.ndarray:
        """Which ones are in a part."""
        return np.flatnonzero(self.part == part)

    @property
    def min_length(self) -> int:
        """The least `length` at which there is one to train on and one to hold out."""
        return max(int(self.sizes[self.of(part)].min()) for part in ("train", "heldout"))

    def sampler(self, part: str) -> Callable[[Array, int, int], Batch]:
        """(key, batch_size, length) -> some of a part whose size is at most `length`, for `Task.sample`."""
        which = self.of(part)

        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size(f"length of {self.unit}", length, least=int(self.sizes[which].min()))
            short_enough = which[self.sizes[which] <= length]
            drawn = jax.random.choice(key, jnp.asarray(short_enough), (batch_size,))
            return self._batch(drawn, length, int(self.target_lengths[short_enough].max()))

        return sample

    def batches(self, which: np.ndarray) -> Callable[[int], Iterator[Batch]]:
        """(batch_size) -> all of these in order, for `Task.test_batches` and `Decoding.batches`."""

        def batches(batch_size: int) -> Iterator[Batch]:
            checks.size("batch_size", batch_size)
            widths = int(self.lengths[which].max()), int(self.target_lengths[which].max())
            return (self._batch(which[n : n + batch_size], *widths) for n in range(0, len(which), batch_size))

        return batches

    def _batch(self, which: Array | np.ndarray, width: int, target_width: int) -> Batch:
        sources, lengths, targets, target_lengths = self._on_device
        target = targets[which][:, :target_width].T.astype(jnp.int32)
        before = jnp.concatenate([jnp.full_like(target[:1], self.first), target[:-1]])
        written = target_lengths[which].astype(jnp.int32)
        return Batch(
            inputs=Pair(sources[which][:, :width].T.astype(jnp.int32), before, written),
            targets=target,
            weights=(jnp.arange(len(target))[:, None] < written).astype(jnp.float32),
            lengths=lengths[which].astype(jnp.int32),
        )

    @functools.cached_property
    def _on_device(self) -> tuple[Array, ...]:
        with jax.ensure_compile_time_eval():  # it may first be asked for in a trace, and is kept
            return tuple(map(jnp.asarray, (self.sources, self.lengths, self.targets, self.target_lengths)))
