"""rnnx: recurrent cells as pure functions, and where their gradients vanish or explode.

The way of the data, one named type in one file per arrow:

    configs/*.py ─► Config ─► task.sample(key, batch_size, length) ─► Batch
                                                                       │ inputs [T, B, …]
                                                  model (embed, cell, readout)
                                                                       │ rnnx.unroll: the only place where time runs
                                                                  Trajectory
                                                                       │
                               task.loss ─► gradients with respect to parameters AND every state
                                                                       │
                                                                   Evidence ─► diagnostics ─► {"tag": array}
                                                                                                  │
                                                           metrics.jsonl (the record) + TensorBoard (the view)
                                                                                                  │
                                                                                     report (HTML, PNG, CSV)
"""

from rnnx import cells, combinators, diagnostics, initializers, tasks
from rnnx.cells.gru import gru
from rnnx.cells.lru import lru
from rnnx.cells.lstm import lstm
from rnnx.cells.mingru import mingru
from rnnx.cells.minlstm import minlstm
from rnnx.cells.rnn import rnn
from rnnx.combinators.bidirectional import bidirectional
from rnnx.combinators.dropout import dropout
from rnnx.combinators.layer_norm import layer_norm
from rnnx.combinators.learned_initial_state import learned_initial_state
from rnnx.combinators.random_truncation import random_truncation
from rnnx.combinators.residual import residual
from rnnx.combinators.stack import stack
from rnnx.combinators.zoneout import zoneout
from rnnx.evidence import evidence
from rnnx.gradient_flow import gradient_flow
from rnnx.truncation import in_chunks
from rnnx.types import Batch, Cell, Composed, Dense, Diagonal, Evidence, GradientFlow, Task, Trajectory
from rnnx.unroll import unroll

__all__ = [
    "Batch",
    "Cell",
    "Composed",
    "Dense",
    "Diagonal",
    "Evidence",
    "GradientFlow",
    "Task",
    "Trajectory",
    "bidirectional",
    "cells",
    "combinators",
    "diagnostics",
    "dropout",
    "evidence",
    "gradient_flow",
    "gru",
    "in_chunks",
    "initializers",
    "layer_norm",
    "learned_initial_state",
    "lru",
    "lstm",
    "mingru",
    "minlstm",
    "random_truncation",
    "residual",
    "rnn",
    "stack",
    "tasks",
    "unroll",
    "zoneout",
]
