"""What the title of every figure says besides its subject: initialisation and training decide the result."""

from rnnx.report.study import Group, text


def title(subject: str, groups: list[Group], *, band: bool = True) -> str:
    """Subject and, on a second line, initialisation and seeds; `band` where the range over seeds is drawn."""
    fewest, most = (f({len(group.trials) for group in groups}) for f in (min, max))
    if most == 1:
        return f"{subject}\n{initialisation(groups)}; one seed"
    over = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return f"{subject}\n{initialisation(groups)}; {'median and range' if band else 'median'} over {over}"


def initialisation(groups: list[Group]) -> str:
    """The number of units, and the settings that decide how the gradient flows at first.

    For example `hidden size 32, forget bias 0 or 1 (lstm), recurrent initializer orthogonal`.
    """
    trials = [trial for group in groups for trial in group.trials]
    cells = {trial.settings["cell.name"] for trial in trials}
    fields = {field for trial in trials for field in trial.settings if field.startswith("cell.")}
    parts = []
    for ending in ("hidden_size", "bias", "initializer"):
        for field in sorted(field for field in fields if field.endswith(ending)):
            having = [trial for trial in trials if field in trial.settings]
            values = " or ".join(sorted({text(trial.settings[field]) for trial in having}))
            owners = sorted({trial.settings["cell.name"] for trial in having})
            only = f" ({', '.join(owners)})" if len(owners) < len(cells) else ""
            parts.append(f"{field.removeprefix('cell.').replace('_', ' ')} {values}{only}")
    return ", ".join(parts)


def when(groups: list[Group]) -> dict[str, str]:
    """What the first and the last measurement of trials are called: `before training` and, say, `after 1000 steps`."""
    steps = sorted({trial.after["step"] for group in groups for trial in group.trials if trial.after})
    if not steps:
        after = "after training (not measured yet)"
    else:
        after = f"after {steps[0]} steps" if len(steps) == 1 else f"after {steps[0]} to {steps[-1]} steps"
    return {"before": "before training", "after": after}
