import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.brackets import brackets
from rnnx.training.program import mean_loss, mean_scores
from tests.helpers import compiled


def drawn(depth, length=30, examples=200):
    return jax.tree.map(np.asarray, compiled.sample(brackets(depth=depth).sample, jax.random.key(0), examples, length))


@pytest.mark.parametrize("depth", [2, 5])
def test_the_target_is_what_would_close_the_innermost(depth):
    batch = drawn(depth)
    deepest = 0
    for b in range(batch.inputs.shape[1]):
        stack = []
        for t, symbol in enumerate(batch.inputs[:, b].argmax(axis=-1)):
            if symbol < 3:
                stack.append(symbol)
            else:
                assert stack.pop() == symbol - 3, "a bracket closes one of its kind"
            deepest = max(deepest, len(stack))
            assert batch.targets[t, b] == (stack[-1] if stack else 3)
    assert deepest == depth


@pytest.mark.parametrize(("depth", "length"), [(2, 9), (5, 40)])
def test_to_see_the_last_bracket_alone_reaches_the_floor(depth, length):
    """The best such predictor has, after a bracket that closes, the shares of the answers."""
    task, examples = brackets(depth=depth), 4000
    batch = drawn(depth, length, examples)
    symbols = batch.inputs.argmax(axis=-1)
    closing = symbols >= 3
    shares = np.bincount(batch.targets[closing], minlength=4) / closing.sum()
    opened = 1e4 * np.eye(4, dtype=np.float32)[np.minimum(symbols, 2)]
    outputs = np.where(closing[..., None], np.log(shares + 1e-30).astype(np.float32), opened)
    # Some 10,000 returns to depth 0 at least: their share has a standard error of 0.005, four of them, and the loss a
    # slope of about 1 to it at most.
    np.testing.assert_allclose(mean_loss(task, jnp.asarray(outputs), batch), task.baseline_loss(length), atol=0.02)


def test_after_a_bracket_that_closes_it_takes_a_memory():
    task = brackets()
    batch = drawn(5)
    symbols = batch.inputs.argmax(axis=-1)
    scores = mean_scores(task, jax.nn.one_hot(jnp.asarray(symbols % 3), 4), batch)
    right = (symbols % 3 == batch.targets)[symbols >= 3].mean()
    np.testing.assert_allclose(scores["after_closing"], right, rtol=1e-5)  # float32, over 3000 steps
    assert scores["accuracy"] > scores["after_closing"]


def test_a_single_level_is_refused():
    with pytest.raises(ValueError, match=r"^depth must be a whole number of at least 2, not 1\.$"):
        brackets(depth=1)
