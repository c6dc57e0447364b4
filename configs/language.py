"""How far back language asks for memory: rnn, lstm and gru on one text, by characters and by words.

python -m experiments.sweep --config=configs/language.py --workdir=runs/language
python -m experiments.analyze --workdir=runs/language --diagnostics=loss_by_context
python -m experiments.report --workdir=runs/language

Tiny Shakespeare in windows of T = 64 … 512 characters or words, with as many tokens in a batch at every length. The
gradient against lag says how far back a network was told to look; the loss against the length of the context, with the
memory cut to the last k tokens, how far back anything is of use to it.

Expect: after 1000 steps no network uses much more than eight characters or sixteen words, at any T: the loss after the
last 8 characters, or 16 words, is within about 0.03 nats of that after all. The gradient of RNN and GRU fades by a
factor ten in five characters; that of the LSTM reaches further, and so, for ever, does that of the GRU on words, and
next to nothing is gained by it. (Seed 0; docs/results.md has the table.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

CELLS = ("rnn", "lstm", "gru")
SEEDS = (0, 1)
LENGTHS = (64, 128, 256, 512)
TOKENS = {"characters": 4096, "words": 1024}
"""In a batch."""


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 128
    base.task.name = "characters"
    base.task.corpus = "tinyshakespeare"
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.steps = 1000
    base.measure_every = 500
    return base


def sweep() -> list[dict[str, Any]]:
    """Every cell at every length of both tasks; of words, whose logits are many, fewer are measured at a time."""
    tasks = [
        {"task.name": task, "task.length": T, "batch_size": tokens // T, "measure_batch_size": measured}
        for (task, tokens), measured in zip(TOKENS.items(), (128, 32), strict=True)
        for T in LENGTHS
    ]
    return product(axis("seed", *SEEDS), tasks, axis("cell.name", *CELLS))
