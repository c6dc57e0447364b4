"""A tournament of rock, paper, scissors: who wins at each node of a tree.

    leaf    rock, paper or scissors, at random
    node    the winner of its two children; of two alike, that

The rule is not associative, (rock, paper), scissors ends otherwise than rock, (paper, scissors): the leaves in their
order do not tell the winner, only the tree does. Scored at all inner nodes; cross-entropy. A task of rnnx, made up to
have a known rule; Socher et al. 2013 score every node of real trees in this way.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Nodes, Scores, Task

_NAMES = ("rock", "paper", "scissors")
_HANDS = len(_NAMES)  # each beats the one before it


def tournament() -> Task:
    """The winner at each node of random trees of `length` leaves.

    Inputs are `Nodes` of N = 2 · length - 1 nodes (words 0, 1, 2 for rock, paper, scissors), targets `[N, B]`, weights
    1 at inner nodes; outputs are logits `[N, B, 3]`. The baseline is ln 3 nats: each hand wins equally often. `root` is
    the accuracy at the root alone. Trees are drawn by shifting a leaf or joining the two latest trees, by a fair coin
    wherever both can be done.

    Raises:
      ValueError: from `sample`, fewer than 2 leaves.

    >>> import jax
    >>> batch = tournament().sample(jax.random.key(0), 1, 3)
    >>> batch.inputs.children[:, 0].tolist()
    [[-1, -1], [-1, -1], [0, 1], [-1, -1], [2, 3]]
    >>> batch.inputs.words[:, 0].tolist(), batch.targets[:, 0].tolist()  # scissors beat paper, rock beats them
    ([2, 1, 0, 0, 0], [2, 1, 2, 0, 0])
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        checks.size("batch_size", batch_size)
        checks.size("length of a tournament", length, least=2)
        tree_key, word_key = jax.random.split(key)
        children = random_trees(tree_key, batch_size, length)
        is_leaf = (children < 0).all(axis=-1)
        words = jnp.where(is_leaf, jax.random.randint(word_key, is_leaf.shape, 0, _HANDS), 0)

        def play(hands: Array, at_n: tuple[Array, Array, Array, Array]) -> tuple[Array, None]:
            n, word, leaf, pair = at_n
            left, right = (hands[pair[:, i], jnp.arange(batch_size)] for i in (0, 1))
            winner = jnp.where((left - right) % _HANDS == 1, left, right)
            return hands.at[n].set(jnp.where(leaf, word, winner)), None

        hands, _ = jax.lax.scan(play, jnp.zeros_like(words), (jnp.arange(len(words)), words, is_leaf, children))
        return Batch(Nodes(words, children), hands, (~is_leaf).astype(jnp.float32))

    def scores(outputs: Array, batch: Batch) -> Scores:
        right = accuracy(outputs, batch)
        root = jnp.zeros_like(batch.weights).at[-1].set(1)
        return {"accuracy": (right, batch.weights), "root": (right, root * batch.weights)}

    def example(batch: Batch) -> Example:
        children = np.asarray(batch.inputs.children)[:, 0]
        at_nodes = zip(np.asarray(batch.inputs.words)[:, 0], children[:, 0] < 0, strict=True)
        return examples.tree([_NAMES[word] if leaf else "" for word, leaf in at_nodes], children)

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: math.log(_HANDS),
        input_size=_HANDS,
        output_size=_HANDS,
        vocab_size=_HANDS,
        loss_unit="cross-entropy (nats per node)",
        min_length=2,
        model="recursive",
        example=example,
    )


def random_trees(key: Array, batch_size: int, leaves: int) -> Array:
    """Children `[2 · leaves - 1, B, 2]` of random binary trees, every node after its children."""
    N, examples = 2 * leaves - 1, jnp.arange(batch_size)

    def node(carry: tuple[Array, Array, Array], at_n: tuple[Array, Array]) -> tuple[tuple[Array, Array, Array], Array]:
        stack, height, shifted = carry
        n, coin = at_n
        joins = (height >= 2) & (coin | (shifted == leaves))
        top, below = stack[examples, height - 1], stack[examples, height - 2]
        pair = jnp.where(joins[:, None], jnp.stack([below, top], axis=-1), -1)
        height = jnp.where(joins, height - 1, height + 1)
        return (stack.at[examples, height - 1].set(n), height, shifted + jnp.where(joins, 0, 1)), pair

    nothing = jnp.zeros(batch_size, int)
    start = (jnp.zeros((batch_size, leaves), int), nothing, nothing)
    coins = jax.random.bernoulli(key, shape=(N, batch_size))
    return jax.lax.scan(node, start, (jnp.arange(N), coins))[1]
