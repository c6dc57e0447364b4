"""The tournament: the winner at every node by hand, and trees of every shape."""

import jax
import numpy as np

from rnnx.tasks.trees.tournament import random_trees, tournament

WINS = {(0, 1): 1, (1, 0): 1, (1, 2): 2, (2, 1): 2, (2, 0): 0, (0, 2): 0}  # paper wraps, scissors cut, rock breaks


def test_the_winner_goes_on():
    batch = tournament().sample(jax.random.key(0), 20, 6)
    words, children = (np.asarray(a) for a in batch.inputs)
    for b in range(20):
        hands = []
        for word, (left, right) in zip(words[:, b], children[:, b], strict=True):
            pair = None if left < 0 else (hands[left], hands[right])
            hands.append(word if pair is None else pair[0] if pair[0] == pair[1] else WINS[pair])
        assert hands == batch.targets[:, b].tolist()
    np.testing.assert_array_equal(batch.weights, (children[..., 0] >= 0).astype(float))


def test_trees_are_whole_and_come_in_every_shape():
    """Each node but the root is the child of one later node; of four leaves there are Catalan's 5 trees."""
    children = np.asarray(random_trees(jax.random.key(1), 200, 4))
    assert children.shape == (7, 200, 2)
    for b in range(200):
        pairs = children[:, b]
        used = sorted(pairs[pairs >= 0].tolist())
        assert used == [0, 1, 2, 3, 4, 5]
        assert all(child < n for n, pair in enumerate(pairs) for child in pair)
        assert (pairs[:, 0] < 0).sum() == 4
    assert len({children[:, b].tobytes() for b in range(200)}) == 5
