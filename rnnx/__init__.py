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

from rnnx import cells, diagnostics, initializers, tasks
from rnnx.cells.gru import gru
from rnnx.cells.lstm import lstm
from rnnx.cells.rnn import rnn
from rnnx.evidence import evidence
from rnnx.gradient_flow import gradient_flow
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
    "cells",
    "diagnostics",
    "evidence",
    "gradient_flow",
    "gru",
    "initializers",
    "lstm",
    "rnn",
    "tasks",
    "unroll",
]
