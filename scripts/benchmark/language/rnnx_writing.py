"""Writing in rnnx by the compiled loop alone: `python -m scripts.benchmark.language.rnnx_writing --workdir=runs/one`.

One call of `rnnx.decoding.sample` draws all characters. It prints its characters per second, after a first call in
which the program is compiled.
"""

import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.analysis import writing
from rnnx import decoding
from rnnx.types import Batch
from scripts.benchmark.parser import Parser


def main() -> None:
    """Write twice, and print the rate of the second time."""
    parser = Parser("Writing in rnnx by the compiled loop alone.")
    parser.add_argument("--workdir", type=Path, required=True, help="a trial")
    parser.add_argument("--length", type=int, default=5_000, help="characters: %(default)s")
    given = parser.parse_args()
    writer = writing.writer(given.workdir, "latest")
    prompt = writer.read("")[:, None]
    batch = Batch(jnp.asarray(prompt), None, jnp.ones(prompt.shape))

    def draw(seed: int) -> np.ndarray:
        key = jax.random.key(seed)
        drawn = decoding.sample(writer.model, writer.params, batch, key, length=given.length, run=writer.run)
        return np.asarray(drawn)

    draw(0)
    started = time.perf_counter()
    draw(1)
    print(json.dumps({"characters_per_second": given.length / (time.perf_counter() - started)}))


if __name__ == "__main__":
    main()
