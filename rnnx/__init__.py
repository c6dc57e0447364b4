"""rnnx: recurrent cells as pure functions, and where their gradients vanish or explode.

The way of the data, one named type in one file per arrow:

    Config ─► Task, Model(cells) ─► Batch ─► model(batch, run) ─► outputs ─► task.losses [positions] ─► mean
                                                    │                                                      │
                                  run: the only place where time runs                gradient_flows(loss, params)
                                                                                                           │
      metrics.jsonl (the record) + TensorBoard (the view) ◄─ {"tag": value} ◄─ diagnostics ◄─ {part: GradientFlow}
                                  │
                       report (HTML, PNG, CSV)
"""

import importlib
import importlib.metadata
from typing import Any

from rnnx import cells, combinators, decoding, diagnostics, initializers, models, readings, tasks
from rnnx.cells.gru import gru
from rnnx.cells.lru import lru
from rnnx.cells.lstm import lstm
from rnnx.cells.mingru import mingru
from rnnx.cells.minlstm import minlstm
from rnnx.cells.rnn import rnn
from rnnx.combinators.attention import attention
from rnnx.combinators.bidirectional import bidirectional
from rnnx.combinators.dropout import dropout
from rnnx.combinators.layer_norm import layer_norm
from rnnx.combinators.learned_initial_state import learned_initial_state
from rnnx.combinators.random_truncation import random_truncation
from rnnx.combinators.residual import residual
from rnnx.combinators.stack import stack
from rnnx.combinators.zoneout import zoneout
from rnnx.computational_graph import computational_graph
from rnnx.factory import factory
from rnnx.gradient_flow import gradient_flow, gradient_flows
from rnnx.truncation import in_chunks
from rnnx.types import Batch, Cell, Composed, Decoder, Dense, Diagonal, GradientFlow, Run, Task, Trajectory, Tree
from rnnx.unroll import plain_run, unroll
from rnnx.vocabulary import Vocabulary

__version__ = importlib.metadata.version("rnnx")

evidence = gradient_flow
"""What `gradient_flow` was called where it also kept what diagnostics need; for one release."""

__all__ = [
    "Batch",
    "Cell",
    "Composed",
    "Decoder",
    "Dense",
    "Diagonal",
    "GradientFlow",
    "Run",
    "Task",
    "Trajectory",
    "Tree",
    "Vocabulary",
    "attention",
    "bidirectional",
    "cells",
    "combinators",
    "computational_graph",
    "decoding",
    "diagnostics",
    "dropout",
    "evidence",
    "factory",
    "gradient_flow",
    "gradient_flows",
    "gru",
    "in_chunks",
    "initializers",
    "layer_norm",
    "learned_initial_state",
    "lru",
    "lstm",
    "mingru",
    "minlstm",
    "models",
    "plain_run",
    "random_truncation",
    "readings",
    "residual",
    "rnn",
    "show",
    "stack",
    "tasks",
    "unroll",
    "zoneout",
]


def __getattr__(name: str) -> Any:
    """`rnnx.show`, when it is asked for: matplotlib takes long to load."""
    if name == "show":
        return importlib.import_module("rnnx.show")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
