"""Images of known classes that nobody has split: which are trained on, held out, and tested on."""

from typing import Literal

import numpy as np

Part = Literal["train", "heldout", "test"]


def part_of(labels: np.ndarray, part: Part) -> np.ndarray:
    """The numbers of the images of a part, in order, by the labels `[N]` of all.

    Of the images of each class, as they are filed, every fifth is to be tested on, and of the others every tenth is
    held out: nothing is drawn at random, and every class is split alike.

    >>> labels = np.array([7, 7, 2, 7, 7, 7, 2, 7])
    >>> part_of(labels, "train"), part_of(labels, "test")
    (array([0, 1, 2, 3, 4, 6, 7]), array([5]))
    """
    place = np.empty(len(labels), int)  # among those of its class
    for label in np.unique(labels):
        own = labels == label
        place[own] = np.arange(own.sum())
    tested = place % 5 == 4
    held = ~tested & ((place - place // 5) % 10 == 9)
    return np.flatnonzero({"train": ~tested & ~held, "heldout": held, "test": tested}[part])
