"""A GRU that tells the sentiment of film reviews, trained on the phrases of the Stanford Sentiment Treebank.

python -m experiments.run --config=configs/tasks/sentiment.py --workdir=runs/sentiment
python -m experiments.predict --workdir=runs/sentiment --sentence="It's not a bad film, but I didn't like it."
python -m experiments.report --workdir=runs/sentiment

Expect: in two minutes on two cores, busy with other work as well, 44.2 % of the test sentences right in five classes
and 83.6 % of those that are not neutral as positive or negative, with the parameters that were best on what is held out
(46.1 %); without vectors of words from elsewhere a convolutional network has 42.2 % (Kim 2014). The sentence above is
negative to it, for which "It" and "n't" count most. (2026-11-30, jax 0.12.0.1, seed 0.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Phrases of every length, about as many in all as there are to train on."""
    base = config.default()
    base.task.name = "sentiment"
    base.task.phrases = True
    base.task.length = 52
    base.cell.name = "gru"
    base.cell.hidden_size = 64
    base.batch_size = 64
    base.steps = 5000
    base.learning_rate = 3e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.objective.dropout = 0.3
    base.log_every = 100
    base.measure_every = 500
    base.measure_batch_size = 1101
    base.checkpoint_every = 2500
    base.best_metric = "heldout/accuracy"
    base.diagnostics = ("state_gradient", "gates")
    return base
