"""What everyone does alike: sizes, settings, the text as numbers. It imports no more than Python has."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark import parser

LEARNING_RATE = 2e-3
CLIP_NORM = 1.0
CHUNK = 5
"""Training steps from one look at the loss to the next."""


class Training(NamedTuple):
    """What is trained: an embedding, an LSTM of as many units and a linear readout, by Adam."""

    hidden: int = 128
    length: int = 128
    batch: int = 32
    seconds: float = 2.0
    """For which steps are counted, at least."""


class Settings(NamedTuple):
    """Of the whole benchmark."""

    hidden: tuple[int, ...] = (128, 512)
    length: int = 128
    batch: int = 32
    seconds: float = 2.0
    writer: int = 256
    """Units of the LSTM that writes."""
    characters: int = 5_000
    """That it writes."""
    rounds: int = 5
    """Processes of each contestant."""

    def training(self, hidden: int) -> Training:
        """One of the trainings."""
        return Training(hidden, self.length, self.batch, self.seconds)


def flags(training: Training) -> list[str]:
    """The flags that make a script train that."""
    return [f"--{name}={value}" for name, value in training._asdict().items()]


def of_script(description: str) -> tuple[Training, Path]:
    """What a script of training is told by its command line: what to train, and the text."""
    parsed = parser.Parser(description)
    parsed.add_argument("--text", type=Path, required=True, help="a text in UTF-8")
    for name, value in Training()._asdict().items():
        parsed.add_argument(f"--{name}", type=type(value), default=value, help="%(default)s")
    given = vars(parsed.parse_args())
    return Training(**{name: given[name] for name in Training._fields}), given["text"]


def read(path: Path) -> tuple[str, list[int]]:
    """The characters of a text in their order, and its first 80 % as numbers, which are trained on."""
    text = path.read_text(encoding="utf-8")
    characters = "".join(sorted(set(text)))
    numbers = {character: number for number, character in enumerate(characters)}
    return characters, [numbers[character] for character in text[: len(text) * 80 // 100]]


def report_training(chunk: Callable[[], float], training: Training) -> None:
    """Train on for some seconds, and print characters per second and the last loss as JSON.

    Args:
      chunk: takes `CHUNK` steps and returns the last loss; the first call, in which programs may be compiled, is not
        counted.
      training: what is trained.
    """
    loss = chunk()
    chunks, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < training.seconds or not chunks:
        loss = chunk()
        chunks += 1
    rate = chunks * CHUNK * training.batch * training.length / seconds
    print(json.dumps({"characters_per_second": rate, "loss": loss}))
