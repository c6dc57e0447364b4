"""Reading a labelling off the outputs of a network trained by connectionist temporal classification (CTC).

    a path has one of K symbols at each frame, blank (0) among them; its labelling is the path with repeats merged first
    and blanks left out then: 0 3 3 0 3 → 3 3
    p(labelling) = Σ of p(path) over all paths that lead to it,    p(path) = Π_t p_t(symbol)

Graves et al. 2006. The likeliest path (`ctc_greedy`) need not lead to the likeliest labelling, which a search over
prefixes approaches (`ctc_beam_search`): of each prefix the probability of all paths to it that end in a blank, and of
those that don't (Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition").
"""

import collections
import dataclasses
import math

import jax.numpy as jnp
import numpy as np

from rnnx import checks
from rnnx.types import Array

BLANK = 0
"""The symbol that stands for none, as in `optax.ctc_loss`."""


def ctc_greedy(logits: Array, lengths: Array | None = None) -> tuple[Array, Array]:
    """The labelling of the likeliest path; can be compiled.

    Args:
      logits: `[T, B, K]`, or anything of the same order, such as probabilities.
      lengths: frames of each example `[B]`; `None` where all have T.

    Returns:
      (labels `[T, B]`, whole numbers from 1 on and 0 after the last one; how many there are `[B]`)

    >>> logits = jnp.eye(3)[jnp.array([1, 1, 0, 1, 2])][:, None]
    >>> labels, counts = ctc_greedy(logits)
    >>> labels[:, 0].tolist(), counts.tolist()
    ([1, 1, 2, 0, 0], [3])
    """
    T = len(logits)
    path = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    if lengths is not None:
        path = jnp.where(jnp.arange(T, dtype=jnp.int32)[:, None] < lengths, path, BLANK)
    before = jnp.concatenate([jnp.full_like(path[:1], BLANK), path[:-1]])
    is_label = (path != BLANK) & (path != before)
    order = jnp.argsort(~is_label, axis=0, stable=True)  # labels first, each in its place among them
    labels = jnp.take_along_axis(jnp.where(is_label, path, BLANK), order, axis=0)
    return labels, jnp.sum(is_label, axis=0)


def ctc_beam_search(logits: np.ndarray, width: int) -> list[tuple[tuple[int, ...], float]]:
    """The likeliest labellings of one example that a search over prefixes finds, the best first.

    After each frame the `width` likeliest prefixes are kept. Where that is all of them their probabilities are exact,
    and else at most that.

    Args:
      logits: `[T, K]`, of one example without its padding.
      width: how many.

    Returns:
      (labels, ln p) for each; labels are whole numbers from 1 on.

    Raises:
      ValueError: a width below 1; logits of another shape.

    The likeliest path has a blank at both frames, p = .6 · .6, and an empty labelling; but three lead to one label:

    >>> (best, log_p), *_ = ctc_beam_search(np.log([[0.6, 0.4], [0.6, 0.4]]), width=2)
    >>> best, round(math.exp(log_p), 3)
    ((1,), 0.64)
    """
    checks.size("width", width)
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2:
        raise ValueError(f"logits must be [T, K], of one example, not of shape {logits.shape}.")
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    beams: dict[tuple[int, ...], _Ends] = {(): _Ends(blank=0.0)}
    for at_frame in log_p.tolist():
        found: dict[tuple[int, ...], _Ends] = collections.defaultdict(_Ends)
        for prefix, ends in beams.items():
            same = found[prefix]
            same.blank = _plus(same.blank, ends.either + at_frame[BLANK])
            if prefix:
                same.label = _plus(same.label, ends.label + at_frame[prefix[-1]])
            for symbol in range(1, len(at_frame)):
                # The same symbol again is a new label only after a blank.
                before = ends.blank if prefix and symbol == prefix[-1] else ends.either
                longer = found[*prefix, symbol]
                longer.label = _plus(longer.label, before + at_frame[symbol])
        beams = dict(sorted(found.items(), key=lambda one: -one[1].either)[:width])
    return [(prefix, ends.either) for prefix, ends in beams.items()]


@dataclasses.dataclass
class _Ends:
    """ln p of all paths to a prefix that end in a blank, and of those that end in its last label."""

    blank: float = -math.inf
    label: float = -math.inf

    @property
    def either(self) -> float:
        return _plus(self.blank, self.label)


def _plus(one: float, other: float) -> float:
    """ln (eᵃ + eᵇ)."""
    return float(np.logaddexp(one, other))
