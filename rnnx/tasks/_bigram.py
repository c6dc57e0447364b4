"""What can be known of a sequence from the symbol before each, which is the baseline of what is written to a source."""

import numpy as np


def bigram_cross_entropy(targets: np.ndarray, lengths: np.ndarray, part: np.ndarray, O: int) -> float:
    """Held-out cross-entropy, nats per symbol, of p(b | a) = (n_ab + 1) / (n_a + O) counted on what is trained on.

    Args:
      targets: `[N, T]`, symbols below O with whatever stands in the padding.
      lengths: `[N]`.
      part: `[N]`, of which those called `train` are counted and those called `heldout` are told.
      O: symbols; before the first stands one that is none of them.

    >>> targets, part = np.array([[0, 1], [0, 1]]), np.array(["train", "heldout"])
    >>> round(float(np.exp(-bigram_cross_entropy(targets, np.array([2, 2]), part, 2))), 6)  # 2/3 for each
    0.666667
    """
    before = np.insert(targets[:, :-1].astype(int), 0, O, axis=1)
    counts = np.arange(targets.shape[1]) < lengths[:, None]
    pairs = before * O + targets
    n_ab = np.bincount(pairs[counts & (part == "train")[:, None]], minlength=(O + 1) * O).reshape(O + 1, O) + 1
    p = n_ab / n_ab.sum(axis=1, keepdims=True)
    return float(-np.log(p.ravel()[pairs[counts & (part == "heldout")[:, None]]]).mean())
