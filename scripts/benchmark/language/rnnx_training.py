"""The language model in rnnx: `python -m scripts.benchmark.language.rnnx_training --text=text.txt`.

The program that `experiments.run` compiles, without measurements; `CHUNK` steps are one call of it.
"""

import functools

import jax

import rnnx
from rnnx.training.optimizers import Hyperparameters
from rnnx.training.program import program
from scripts.benchmark.language.spec import CHUNK, CLIP_NORM, LEARNING_RATE, of_script, report_training


def main() -> None:
    """Train, and print the rate."""
    training, text = of_script("The language model in rnnx.")
    task = rnnx.tasks.get("characters")(path=str(text))
    made = program(
        functools.partial(rnnx.models.get("sequence"), rnnx.lstm(training.hidden), task),
        task,
        length=training.length,
        batch_size=training.batch,
        steps_per_dispatch=CHUNK,
        measure_batch_size=1,
        diagnostics=(),
    )
    given = Hyperparameters(seed=0, learning_rate=LEARNING_RATE, clip_norm=CLIP_NORM)
    state = made.init(given.seed)

    def chunk() -> float:
        nonlocal state
        state, metrics = made.train(state, given)
        return float(jax.device_get(metrics).loss[-1])

    report_training(chunk, training)


if __name__ == "__main__":
    main()
