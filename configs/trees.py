"""Sentiment over trees and over time: four recursive networks, and on the same sentences four recurrent ones and a bag.

python -m experiments.sweep --config=configs/trees.py --workdir=runs/trees
python -m experiments.report --workdir=runs/trees

The Stanford Sentiment Treebank, 25 units, no vectors of words from elsewhere. Trees are scored at all nodes, sequences
at the end of each phrase of the same trees.

Expect: all four trees at 80 to 81 % of the nodes of the test split, the tensor network first with 43.6, 45.6 and 46.5 %
of the roots, the others at 43 to 44 %; the sequences, which see fewer labels in as many steps, at 38 to 45 % of the
sentences, and the bag of words at 19 %, since it calls nearly all of them neutral. A Tree-LSTM does better without the
penalty on its weights, and the tensor network not at all. (Three seeds, some 17 minutes on two cores, of which half are
MV-RNN's; docs/results.md has the table.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

SEEDS = (0, 1, 2)
TREES = ("recursive", "mv_rnn", "rntn", "tree_lstm")
SEQUENCES: tuple[dict[str, Any], ...] = (
    {"cell.name": "rnn"},
    {"cell.name": "lstm"},
    {"cell.name": "gru"},
    {"cell.name": "lstm", "model.bidirectional": True},
    {"model.name": "bag_of_words"},
)
INITIAL = {name: {"cell.recurrent_initializer": "identity(0.5)"} for name in TREES[:3]}
"""Of cells that multiply the states of the children by a matrix: a node begins as the mean of its children."""


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.task.name = "sentiment_trees"
    base.task.length = 103
    base.cell.name = "recursive"
    base.cell.hidden_size = 25
    base.batch_size = 27
    base.steps = 3160
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.log_every = 158
    base.measure_every = 316
    base.measure_batch_size = 1101
    base.checkpoint_every = 1580
    base.best_metric = "heldout/accuracy"
    base.diagnostics = ("state_gradient",)
    return base


def sweep() -> list[dict[str, Any]]:
    """Trees of every size, and phrases of every length, as many in a step as two trees have nodes."""
    trees = [{"l2": "tree=3e-3, embedding=1e-5", "cell.name": name, **INITIAL.get(name, {})} for name in TREES]
    sentences = [
        {
            "task.name": "sentiment",
            "task.phrases": True,
            "task.length": 52,
            "batch_size": 64,
            **network,
        }
        for network in SEQUENCES
    ]
    return product(axis("seed", *SEEDS), [*trees, *sentences])
