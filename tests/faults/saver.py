"""`python -m tests.faults.saver DIRECTORY`: save checkpoints for ever, each of known content."""

import itertools
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

from rnnx.logbook import Checkpoints


def state(step: int) -> dict[str, jax.Array]:
    """What is saved at a step: four megabytes, so that saving it takes a while."""
    return {"weights": jnp.full((1024, 1024), step / 7), "step": jnp.int32(step)}


if __name__ == "__main__":
    checkpoints = Checkpoints(Path(sys.argv[1]))
    newest, _ = checkpoints.restore_latest(state(0)) or (0, None)
    for step in itertools.count(newest + 1):
        checkpoints.save(step, state(step))
