"""Which field of a config was meant, where a name is given that none has."""

import difflib

from experiments.sources import fields

CALLED_ELSEWHERE = {
    "batch": "batch_size",
    "bptt": "objective.truncate",
    "cell": "cell.name",
    "clip": "clip_norm",
    "dataset": "task.name",
    "dtype": "precision",
    "epochs": "steps",
    "grad_clip": "clip_norm",
    "hidden": "cell.hidden_size",
    "hidden_dim": "cell.hidden_size",
    "iterations": "steps",
    "lr": "learning_rate",
    "measurements": "diagnostics",
    "model": "model.name",
    "num_layers": "model.layers",
    "num_steps": "steps",
    "opt": "optimizer",
    "optim": "optimizer",
    "scheduler": "schedule.name",
    "seq_len": "task.length",
    "sequence_length": "task.length",
    "task": "task.name",
    "units": "cell.hidden_size",
    "wd": "weight_decay",
}
"""Fields by the names that other programs give them, where those are not alike."""


def field_called(name: str) -> str | None:
    """The field that was likely meant by a name such as `learning-rate`, `lr` or `cell.nam`.

    >>> field_called("lr"), field_called("hidden"), field_called("cell.forget_bais"), field_called("workdir")
    ('learning_rate', 'cell.hidden_size', 'cell.forget_bias', None)
    """
    given = name.lower().replace("-", "_")
    if given in CALLED_ELSEWHERE:
        return CALLED_ELSEWHERE[given]
    known = {called: field.name for field in fields() for called in (field.name, field.name.rpartition(".")[2])}
    nearest = difflib.get_close_matches(given, known, n=1, cutoff=0.8)
    return known[nearest[0]] if nearest else None
