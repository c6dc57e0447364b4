"""The language model in Flax NNX with Optax: `python -m scripts.benchmark.language.flax_training --text=text.txt`.

A training step is one compiled function, `nnx.jit` with `nnx.cached_partial`, as Flax's guide to performance advises.
"""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from scripts.benchmark.language.spec import CHUNK, CLIP_NORM, LEARNING_RATE, of_script, read, report_training


class Model(nnx.Module):
    """An embedding, an LSTM and a linear readout."""

    def __init__(self, vocab_size: int, hidden: int, *, rngs: nnx.Rngs):
        self.embedding = nnx.Embed(vocab_size, hidden, rngs=rngs)
        self.lstm = nnx.RNN(nnx.OptimizedLSTMCell(hidden, hidden, rngs=rngs), time_major=True)
        self.readout = nnx.Linear(hidden, vocab_size, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Logits [T, B, V] after each of the tokens [T, B]."""
        return self.readout(self.lstm(self.embedding(tokens)))

    def loss(self, inputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Mean cross-entropy of targets [T, B] after inputs [T, B]."""
        return optax.softmax_cross_entropy_with_integer_labels(self(inputs), targets).mean()


def windows(key: jax.Array, text: jax.Array, length: int, batch: int) -> tuple[jax.Array, jax.Array]:
    """Inputs and targets [T, B] at random places of a text [N]."""
    starts = jax.random.randint(key, (batch,), 0, len(text) - length)
    window = text[jnp.arange(length + 1)[:, None] + starts]
    return window[:-1], window[1:]


@nnx.jit(static_argnames=("length", "batch"))
def train_step(
    model: Model, optimizer: nnx.Optimizer, text: jax.Array, key: jax.Array, step: int, *, length: int, batch: int
) -> jax.Array:
    """One update on fresh windows, in place; returns the loss before it."""
    inputs, targets = windows(jax.random.fold_in(key, step), text, length, batch)
    loss, gradients = nnx.value_and_grad(lambda model: model.loss(inputs, targets))(model)
    optimizer.update(model, gradients)
    return loss


def main() -> None:
    """Train, and print the rate."""
    training, path = of_script("The language model in Flax NNX.")
    characters, numbers = read(path)
    text = jnp.array(numbers)
    model = Model(len(characters), training.hidden, rngs=nnx.Rngs(0))
    rule = optax.chain(optax.clip_by_global_norm(CLIP_NORM), optax.adam(LEARNING_RATE))
    optimizer = nnx.Optimizer(model, rule, wrt=nnx.Param)
    train = nnx.cached_partial(train_step, model, optimizer)
    key, step = jax.random.key(1), 0

    def chunk() -> float:
        nonlocal step
        for _ in range(CHUNK):
            loss = train(text, key, step, length=training.length, batch=training.batch)
            step += 1
        return loss.item()

    report_training(chunk, training)


if __name__ == "__main__":
    main()
