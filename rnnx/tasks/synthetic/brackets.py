"""Brackets: which bracket would close what is open.

    input    ( [ ] ( { }        target   ) ] ) ) } )        and at depth 0 nothing is open

Well-formed strings of three kinds of brackets, the language Dyck-3 up to a depth: it takes a stack, of which the
network holds as many as it can tell apart (Chomsky & Schützenberger 1963; Hewitt et al. 2020, that a depth k takes
O(k log 3) units). A bracket is opened or closed with equal chance, opened at depth 0 and closed at the largest.
Many-to-many; cross-entropy at every step.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Scores, Task

_KINDS = 3
_OPENING, _CLOSING = "([{", ")]}"

_Two = tuple[Array, Array]


def brackets(*, depth: int = 5) -> Task:
    """Brackets of three kinds.

    Inputs `[T, B, 6]` one-hot (three that open, three that close), targets `[T, B]`, the kind (0, 1, 2) of the bracket
    that would close what is open, or 3 where nothing is; weights 1 at every step, outputs are logits `[T, B, 4]`. After
    a bracket that opens the answer is its own kind: the floor is the loss of one that knows this, and of those that
    close how often nothing is left open. `after_closing` is the accuracy where it takes a memory.

    Args:
      depth: how many are open at a time, at most; of one alone nothing has to be kept.

    Raises:
      ValueError: a depth below 2; from `sample`, a length below 2.

    >>> import jax
    >>> batch = brackets().sample(jax.random.key(0), 1, 8)
    >>> "".join("([{)]}"[symbol] for symbol in batch.inputs[:, 0].argmax(-1)), batch.targets[:, 0].tolist()
    ('{[[({})[', [2, 1, 1, 0, 2, 0, 1, 1])
    """
    depth = checks.size("depth", depth, least=2)

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of strings of brackets", length, least=2)
        up_key, kind_key = jax.random.split(key)
        coins = jax.random.bernoulli(up_key, shape=(length, batch_size))
        kinds = jax.random.randint(kind_key, (length, batch_size), 0, _KINDS)

        level = jnp.arange(depth)[:, None]

        def innermost(stack: Array, opened: Array) -> Array:
            return jnp.sum(jnp.where(level == opened - 1, stack, 0), axis=0)

        def step(state: _Two, drawn: _Two) -> tuple[_Two, _Two]:
            (stack, opened), (coin, kind) = state, drawn
            opens = (opened == 0) | ((opened < depth) & coin)
            symbol = jnp.where(opens, kind, _KINDS + innermost(stack, opened))
            stack = jnp.where(opens & (level == opened), kind, stack)
            opened = opened + jnp.where(opens, 1, -1)
            return (stack, opened), (symbol, jnp.where(opened == 0, _KINDS, innermost(stack, opened)))

        # Kinds from the outermost, [depth, B], and how many are open, [B].
        empty = jnp.zeros((depth, batch_size), kinds.dtype), jnp.zeros(batch_size, kinds.dtype)
        _, (symbols, targets) = jax.lax.scan(step, empty, (coins, kinds))
        return Batch(
            inputs=jax.nn.one_hot(symbols, 2 * _KINDS),
            targets=targets,
            weights=jnp.ones((length, batch_size)),
        )

    def scores(outputs: Array, batch: Batch) -> Scores:
        right, closing = accuracy(outputs, batch), jnp.sum(batch.inputs[..., _KINDS:], axis=-1)
        return {"accuracy": (right, batch.weights), "after_closing": (right, batch.weights * closing)}

    def example(batch: Batch) -> Example:
        symbols = np.asarray(batch.inputs)[:, 0].argmax(axis=-1)
        open_at: list[int] = []
        for t, symbol in enumerate(symbols):
            if symbol < _KINDS:
                open_at.append(t)
            else:
                open_at.pop()
        pieces = [(_OPENING + _CLOSING)[symbol] for symbol in symbols]
        target = _CLOSING[symbols[open_at[-1]]] if open_at else "nothing is open"
        return examples.text(pieces, target, marks=tuple(open_at[-1:]), marked="the bracket that it closes")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: _floor(length, depth),
        input_size=2 * _KINDS,
        output_size=_KINDS + 1,
        loss_unit="cross-entropy (nats per step)",
        min_length=2,
        example=example,
    )


def _floor(length: int, depth: int) -> float:
    """The loss of one that sees the last bracket alone, by the chances of each depth at each step.

    After one that closes nothing is left open with a share p of the times, and else any kind alike:
    H(p) + (1 - p) ln 3 nats, at the share of steps that close.
    """
    chances = np.zeros(depth + 1)
    chances[0] = 1.0
    closed = emptied = 0.0
    for _ in range(length):
        opens = np.full(depth + 1, 0.5)
        opens[0], opens[depth] = 1.0, 0.0
        up, down = chances * opens, chances * (1 - opens)
        closed += down.sum()
        emptied += down[1]
        chances = np.roll(up, 1) + np.roll(down, -1)
    p = emptied / closed
    entropy = -sum(share * math.log(share) for share in (p, 1 - p) if share > 0)
    return float(closed / length * (entropy + (1 - p) * math.log(_KINDS)))
