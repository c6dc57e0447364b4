"""An LSTM that reads Shakespeare word by word: all of the plays and poems, with tied embeddings.

python -m experiments.run --config=configs/tasks/words.py --workdir=runs/words
python -m experiments.generate --workdir=runs/words --prompt="What is" --temperature=0.8
python -m experiments.report --workdir=runs/words

Expect: in six and a half minutes on two cores, busy with other work as well, a perplexity of 68.5 over the last
twentieth, read in one pass, and 27 % of the words right, 47 % among the five likeliest; a Kneser-Ney bigram model has
95.8. (2026-11-29, jax 0.12.0.1.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Windows of 32 words, some 1.7 times as long in all as the text."""
    base = config.default()
    base.task.name = "words"
    base.task.length = 32
    base.cell.hidden_size = 256
    base.model.tied_embedding = True
    base.objective.dropout = 0.2
    base.steps = 2000
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.measure_every = 500
    base.measure_batch_size = 32
    base.diagnostics = ("state_gradient", "gates")
    return base
