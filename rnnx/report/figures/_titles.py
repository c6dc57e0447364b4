"""What the titles of figures say beside their subject: what is drawn of the seeds, and initialisation that differs."""

from typing import Any

from rnnx.report.figures._style import ENOUGH_SEEDS
from rnnx.report.study import Group, text


def title(
    subject: str, groups: list[Group], *, few: str = "each line a seed", many: str = "median and range over seeds"
) -> str:
    """Subject and, on a second line, settings of the initialisation that differ, and what is drawn of the seeds.

    `few` is said of less than `ENOUGH_SEEDS` in each group, and `many` of more.
    """
    fewest, most = (f({len(group.trials) for group in groups}) for f in (min, max))
    drawn = {"one seed"} if most == 1 else {few if len(group.trials) < ENOUGH_SEEDS else many for group in groups}
    count = f" ({most} of each network)" if fewest == most > 1 else f" ({fewest} to {most})" if most > 1 else ""
    notes = filter(None, (initialisation(groups, differing=True), " or ".join(sorted(drawn)) + count))
    return f"{subject.replace('_', ' ')}\n{'; '.join(notes)}"


def initialisation(groups: list[Group], *, differing: bool = False) -> str:
    """The number of units, and the settings that decide how the gradient flows at first; or those alone that differ and
    that no variant is called by.

    For example `hidden size 32, forget bias 0 or 1 (lstm), recurrent initializer orthogonal`.
    """
    trials = [trial for group in groups for trial in group.trials]
    cells = {trial.settings["cell.name"] for trial in trials}
    fields = {field for trial in trials for field in trial.settings if field.startswith("cell.")}
    parts = []
    for ending in ("hidden_size", "bias", "initializer"):
        for field in sorted(field for field in fields if field.endswith(ending)):
            counting = [trial for trial in trials if _counts(field, trial.settings)]
            values = sorted({text(trial.settings[field]).replace("_", " ") for trial in counting})
            named = any(field.removeprefix("cell.").replace("_", " ") in group.variant for group in groups)
            if len(values) > (1 if differing else 0) and not (differing and named):
                owners = sorted({trial.settings["cell.name"] for trial in counting})
                only = f" ({', '.join(owners)})" if len(owners) < len(cells) else ""
                parts.append(f"{field.removeprefix('cell.').replace('_', ' ')} {' or '.join(values)}{only}")
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


def lag(groups: list[Group]) -> str:
    """What lag counts, of an axis: steps, or of trees the levels below the root."""
    shown = [trial.example for group in groups for trial in group.trials]
    return "depth k (levels)" if any(e and e.kind == "tree" for e in shown) else "lag k (steps)"


def _at(steps: set[int]) -> str:
    first, last = min(steps), max(steps)
    if last == 0:
        return "before training"
    return f"after {last} steps" if first == last else f"after {first} to {last} steps"
