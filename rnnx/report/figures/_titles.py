"""What the title of every figure says besides its subject: initialisation and training decide the result."""

from typing import Any

from rnnx.report.study import Group, text


def title(subject: str, groups: list[Group], *, band: bool = True, middle: str = "median") -> str:
    """Subject and, on a second line, initialisation and seeds; `band` where the range over seeds is drawn."""
    fewest, most = (f({len(group.trials) for group in groups}) for f in (min, max))
    if most == 1:
        return f"{subject}\n{initialisation(groups)}; one seed"
    over = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return f"{subject}\n{initialisation(groups)}; {middle}{' and range' if band else ''} over {over}"


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
            counting = [trial for trial in trials if _counts(field, trial.settings)]
            if not counting:
                continue
            values = " or ".join(sorted({text(trial.settings[field]) for trial in counting}))
            owners = sorted({trial.settings["cell.name"] for trial in counting})
            only = f" ({', '.join(owners)})" if len(owners) < len(cells) else ""
            parts.append(f"{field.removeprefix('cell.').replace('_', ' ')} {values}{only}")
    return ", ".join(parts)


def _counts(field: str, settings: dict[str, Any]) -> bool:
    """Whether a setting has an effect: `forget` and `chrono` set the forget bias, whatever `forget_bias` is."""
    overridden = str(settings.get("cell.bias_initializer")).startswith(("forget", "chrono"))
    return field in settings and not (field == "cell.forget_bias" and overridden)


def stage_labels(groups: list[Group], tag: str = "") -> dict[str, str]:
    """What the stages of trials are called: `before training` and, say, `after 1000 steps`.

    They are `before` and `after`, the first and the last measurement; or, of a tag that not every study measures,
    those of `first` and `latest` that some trial has. An analysis may be of another step than the last measurement in
    training, and its label then says so.
    """
    trials = [trial for group in groups for trial in group.trials]
    if not tag:
        steps = {trial.after["step"] for trial in trials if trial.after}
        return {"before": _at({0}), "after": _at(steps) if steps else "after training (not measured yet)"}
    first = {"first": _at({0})} if any(tag in trial.first for trial in trials) else {}
    steps = {t.analysed[tag] if tag in t.analysed else t.after["step"] for t in trials if tag in t.latest}
    return first | ({"latest": _at(steps)} if steps else {})


def _at(steps: set[int]) -> str:
    first, last = min(steps), max(steps)
    if last == 0:
        return "before training"
    return f"after {last} steps" if first == last else f"after {first} to {last} steps"
