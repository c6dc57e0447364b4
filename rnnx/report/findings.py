"""The two sentences of a task that the report begins with, computed from the data: one of the gradient, who keeps it,
what explodes and why; one of who learns.

They say what was counted and no more: which networks have at least 1 % of the gradient left at the first step, with
every seed or with some; which of them learn; in how many examples the gradient grows.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from rnnx.report import reasons, words
from rnnx.report.figures import _titles
from rnnx.report.reach import Kept, kept, steps
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import Trial

_FEW = 0.1
"""A share of exploding examples below which next to nothing explodes."""

_SOME = 2
"""So many trials of a kind there must be for shares of them to say something."""


class Findings(NamedTuple):
    """What the measurements of a task say, in short sentences; none where nothing was measured yet."""

    gradient: list[str]
    """Whose reaches the first step and whose vanishes on the way, whether any explodes, and what sets the ones apart
    from the others."""
    learning: list[str]
    """Who learns the task, and whether it goes with the gradient; of a text first how well it is predicted."""


def find(study: Study, task: str, rows: list[SummaryRow]) -> Findings:
    """What the measurements of a task say.

    Args:
      study: what it is about.
      task: one of its tasks.
      rows: of its summary.
    """
    of_task = [row for row in rows if row.group.task == task]
    stage = latest_stage(study, task)
    counted = kept(study, task, stage)
    return Findings(
        gradient=[
            *reached(study, task, stage),
            *_against_time(of_task),
            *reasons.sentences(counted, stage),
            *_exploding(of_task, stage),
        ],
        learning=[*_loss(of_task), *learning(of_task, counted, _at_farthest)],
    )


def sentences(study: Study, task: str, rows: list[SummaryRow]) -> list[str]:
    """The same as two sentences, that which one asks for first before the other.

    Args:
      study: what it is about.
      task: one of its tasks.
      rows: of its summary.

    Returns:
      one on the gradient and one on learning, for a text the other way round; those of which anything is known.
    """
    gradient, learnt = find(study, task, rows)
    order = (learnt, gradient) if of_language(study, task) else (gradient, learnt)
    return [words.one_sentence(short) for short in order if short]


def latest_stage(study: Study, task: str) -> str:
    """`after` training; `before` where nothing was measured after it."""
    return "after" if any(trial.after for group in study.groups_of(task) for trial in group.trials) else "before"


def of_language(study: Study, task: str) -> bool:
    """Whether a task is to predict what stands next in a text, where the loss itself is what one asks for first."""
    return _of_language(study.groups_of(task)[0].trials[0])


def _of_language(trial: Trial) -> bool:
    return bool(re.search(r"nats per (character|token|word)\)", trial.loss_unit))


def reached(study: Study, task: str, stage: str) -> list[str]:
    """Where the gradient reaches the first step, and where it vanishes on the way."""
    counted = kept(study, task, stage)
    if not counted:
        return []
    when = _titles.stage_labels(study.groups_of(task))[stage]
    lengths = [one.group.length for one in counted]
    at = words.lengths(lengths, lengths)
    first = _first_step(counted)
    if not any(one.losing for one in counted):
        return [f"{words.sentence(when)}, the gradient reaches {first} in {_all(counted)} {at}: nothing vanishes."]
    if not any(one.keeping for one in counted):
        return [
            f"{words.sentence(when)}, the gradient vanishes before {first} in {_all(counted)} {at}: {_left(counted)}."
        ]
    longest = max(lengths)
    return [
        f"At T = {longest}, {when}, {_at_longest(counted, longest, first)}.",
        f"It vanishes on the way {words.listed(f'in {where}' for where in _losing(counted))}.",
    ]


def _all(counted: list[Kept]) -> str:
    variants = list(dict.fromkeys(one.group.variant for one in counted))
    return words.network(variants[0]) if len(variants) == 1 else "every network"


def _first_step(counted: list[Kept]) -> str:
    return "the deepest leaves" if _tree(counted) else "the first step"


def _left(counted: list[Kept]) -> str:
    """How far back it still reaches where it vanishes everywhere."""
    if all(value < 0 for one in counted for value in one.steps):
        return "it is exactly zero at every step"
    return f"1 % of it is left {_back(steps(value for one in counted for value in one.steps), counted)}"


def _back(far: str, counted: list[Kept]) -> str:
    """So many steps, with what they are."""
    if _tree(counted):
        return f"{far} level{'' if far == '1' else 's'} down"
    return f"{far} step{'' if far == '1' else 's'} back"


def _tree(counted: list[Kept]) -> bool:
    """In a tree lag is depth below the root."""
    return all(on_tree(one.group.trials[0]) for one in counted)


def on_tree(trial: Trial) -> bool:
    """Whether a trial's model runs up a tree, where lag is depth below the root."""
    usual = trial.origin.get("task_facts", {}).get("model")
    return bool(trial.settings.get("model.name", usual) == "recursive")


def _at_longest(everywhere: list[Kept], longest: int, first: str) -> str:
    """For example `only the GRU still gets a gradient from the first step, the LSTM in 1 of 2 seeds`."""
    counted = [one for one in everywhere if one.group.length == longest]
    whole = [one.group.variant for one in counted if not one.losing]
    some = [one for one in counted if one.keeping and one.losing]
    partly = words.listed(
        f"{words.network(one.group.variant)} in {len(one.keeping)} of {one.measured} seeds" for one in some
    )
    gets = f"still get{'s' if len(whole) == 1 else ''} a gradient from {first}"
    if len(whole) == len({one.group.variant for one in everywhere}):
        return f"{_all(counted)} still gets a gradient from {first}"
    if whole:
        only = "" if some or len(whole) == len(counted) else "only "
        return f"{only}{words.networks(whole)} {gets}{f', and {partly}' if partly else ''}"
    if some and len(counted) == 1:
        return partly.replace(" in ", f" gets a gradient from {first} in ", 1)
    if some:
        return f"no network gets a gradient from {first} with every seed, {partly}"
    return f"no network gets a gradient from {first} any more"


def _losing(counted: list[Kept]) -> list[str]:
    """For each set of lengths the networks that lose it there, how far back it reaches, and in how many seeds."""
    alike: dict[tuple[str, str], list[Kept]] = {}
    longest = max(one.group.length for one in counted)
    for variant in dict.fromkeys(one.group.variant for one in counted):
        own = [one for one in counted if one.group.variant == variant]
        lost = [one for one in own if one.losing]
        if lost:
            partly = [
                f"at T = {one.group.length} in {len(one.losing)} of {one.measured} seeds"
                for one in lost
                if one.keeping and one.group.length < longest  # of that it is said before
            ]
            where = words.lengths((o.group.length for o in lost), (o.group.length for o in own))
            alike.setdefault((where, words.listed(partly)), []).append(lost[-1])
    several = len({one.group.length for one in counted}) > 1
    return [
        words.networks(one.group.variant for one in last)
        + (f" {where}" if several else "")
        + (f" ({partly})" if partly else "")
        + ("" if several else f", {_far(last)}")
        for (where, partly), last in alike.items()
    ]


def _far(last: list[Kept]) -> str:
    """How far back it still reaches where it vanishes."""
    lost = [value for one in last for value in one.steps if value < one.of]
    if all(value < 0 for value in lost):
        return "where it is exactly zero at every step"
    return f"{steps(lost)} of {_back(str(last[0].of), last)}"


def _loss(rows: list[SummaryRow]) -> list[str]:
    """Of a task on text, the lowest held-out loss of all, beside that of a predictor without memory."""
    measured = _once([row for row in rows if not np.isnan(row.of("heldout_loss").median)])
    if not measured or not _of_language(rows[0].group.trials[0]):
        return []
    unit = re.sub(r".*\((.*)\)", r"\1", rows[0].group.trials[0].loss_unit)
    best = min(measured, key=lambda row: float(row.of("heldout_loss").median))
    lowest, floor = float(best.of("heldout_loss").median), best.floor
    beside = "" if np.isnan(floor) else f"; a predictor without memory comes to {floor:.2f}"
    other = len({row.group.variant for row in measured}) > 1
    what = f"{'The lowest' if other or len(measured) > 1 else 'The'} held-out loss is {lowest:.2f} {unit}"
    return [f"{what}, that of {words.network(best.group.variant)} at T = {best.group.length}{beside}."]


def learning(rows: list[SummaryRow], counted: list[Kept], where: Callable[[list[SummaryRow]], str]) -> list[str]:
    """Who learns the task, with every seed or with some, and whether it goes with the gradient.

    Args:
      rows: of the task.
      counted: whether the gradient reaches the first step, of the groups where that was measured.
      where: how it is told where only some learn: `at_each_length`, or briefly.
    """
    tried = _once([row for row in rows if not np.isnan(row.floor) and _tried(row)])
    if not tried:
        return []
    language = _of_language(tried[0].group.trials[0])
    variants = list(dict.fromkeys(row.group.variant for row in tried))
    lengths = [row.group.length for row in tried]
    at = words.lengths(lengths, lengths)
    if all(row.reached == row.seeds for row in tried):
        who = words.network(variants[0]) if len(variants) == 1 else "every network"
        does = "beats a predictor without memory by a tenth or more" if language else "learns the task"
        return [f"{words.sentence(who)} {does} {at}{_troubled(tried)}."]
    if not any(row.reached for row in tried):
        who = words.network(variants[0]) if len(variants) == 1 else "no network"
        does = "beats a predictor without memory by a tenth" if language else "learns the task"
        does = does if len(variants) > 1 else does.replace("beats", "does not beat").replace("learns", "does not learn")
        return [f"{words.sentence(who)} {does} {at}{_troubled(tried)}."]
    beginning = "A predictor without memory is beaten by a tenth or more" if language else "The task is learned"
    return [f"{beginning} {where(tried)}{_troubled(tried)}.", *([] if language else _together(counted))]


def _tried(row: SummaryRow) -> bool:
    return bool(row.status["failed"] or not np.isnan(row.of("heldout_loss").median))


def _once(rows: list[SummaryRow]) -> list[SummaryRow]:
    """Each network once: each part of a model has a row of its own, of the same trials."""
    first = {tuple(trial.name for trial in row.group.trials): row for row in reversed(rows)}
    return [
        row._replace(group=row.group._replace(variant=words.without_part(row.group.variant)))
        for row in reversed(first.values())
    ]


def _troubled(rows: list[SummaryRow]) -> str:
    count = sum(row.seeds - row.status["done"] for row in rows)
    are = "is" if count == 1 else "are"
    return f"; {count} of {sum(row.seeds for row in rows)} trials {are} not done" if count else ""


def _at_farthest(rows: list[SummaryRow]) -> str:
    """For example `at T = 64 by the GRU with every seed and by the RNN in 2 of 5 seeds; at no greater length`."""
    lengths = {row.group.length for row in rows}
    farthest = max(row.group.length for row in rows if row.reached)
    there = [row for row in rows if row.group.length == farthest]
    always = [row for row in there if row.reached == row.seeds]
    some = [row for row in there if 0 < row.reached < row.seeds]
    by = [f"by {words.network(row.group.variant)} in {row.reached} of {row.seeds} seeds" for row in some]
    if always:
        who = words.networks(row.group.variant for row in always)
        if len(always) == len(there) > 1:
            who = "every network"
        elif len(always) == 1 < len(there) and not some:
            who += " alone"
        seeds = {row.seeds for row in always}
        by.insert(0, f"by {who} with every seed" if max(seeds) > 1 else f"by {who}")
    return f"at T = {farthest} {words.listed(by)}{'; at no greater length' if farthest < max(lengths) else ''}"


def at_each_length(rows: list[SummaryRow]) -> str:
    """For example `by the GRU at every length and by the RNN at T = 16 and 64 (1 of 2 seeds), not by the LSTM`."""
    by_place: dict[str, list[str]] = {}
    never = []
    for variant in dict.fromkeys(row.group.variant for row in rows):
        own = [row for row in rows if row.group.variant == variant]
        in_some = {row.group.length: f"{row.reached} of {row.seeds} seeds" for row in own if row.reached < row.seeds}
        learnt = [row.group.length for row in own if row.reached]
        if learnt:
            by_place.setdefault(words.lengths(learnt, (row.group.length for row in own), in_some), []).append(variant)
        else:
            never.append(variant)
    said = words.listed(f"by {words.networks(variants)} {place}" for place, variants in by_place.items())
    return f"{said}{f', not by {words.networks(never)}' if never else ''}"


def _together(counted: list[Kept]) -> list[str]:
    """Whether keeping the gradient and learning the task go together, counted in trials."""
    keeping = [trial for one in counted for trial in one.keeping]
    losing = [trial for one in counted for trial in one.losing]
    if len(keeping) < _SOME or len(losing) < _SOME or any("part" in trial.settings for trial in keeping):
        return []  # of parts of a model, which learn nothing by themselves, trials can't be counted
    learn = "learns" if sum(trial.reached for trial in keeping) == 1 else "learn"
    return [
        f"Of the {len(keeping)} trials in which the gradient reaches {_first_step(counted)} {_count(keeping)} {learn} "
        f"it, of the {len(losing)} in which it vanishes {_count(losing)}."
    ]


def _count(trials: Sequence[Trial]) -> str:
    """How many of them learn the task.

    >>> _count([])
    'none'
    """
    count = sum(trial.reached for trial in trials)
    return "all" if 1 < count == len(trials) else str(count or "none")


def _exploding(rows: list[SummaryRow], stage: str) -> list[str]:
    """In how many examples the gradient grows by more than a factor e on its way back, where lag is a way."""
    measured = [row for row in rows if not (np.isnan(row.of("exploding", stage).high) or _is_against_time(row))]
    shares = {_place(row): float(row.of("exploding", stage).high) for row in measured}
    if not shares:
        return []
    if max(shares.values()) == 0:
        return ["Nothing explodes."]
    order = sorted(shares, key=lambda place: shares[place], reverse=True)
    many = [place for place in order if shares[place] >= _FEW]
    if not many:
        share = max(100 * shares[order[0]], 1)
        return [f"Next to nothing explodes: the gradient of at most {share:.0f} % of the examples, in {order[0]}."]
    shown = words.listed(f"{100 * shares[place]:.0f} % of the examples in {place}" for place in many[:2])
    more = f", and in {len(many) - 2} more of networks and lengths" if len(many) > 2 else ""
    return [f"It explodes too, by more than a factor e on its way back: in up to {shown}{more}."]


def _place(row: SummaryRow) -> str:
    return f"{words.network(row.group.variant)} at T = {row.group.length}"


def _against_time(rows: list[SummaryRow]) -> list[str]:
    """A sentence on the parts of which lag says nothing."""
    variants = [row.group.variant for row in rows if _is_against_time(row)]
    runs, its = ("runs", "its") if len(set(variants)) == 1 else ("run", "their")
    why = f"which {runs} backward in time, and whose last step the loss does not read, so that {its} lag is no distance"
    return [f"Left out of this: {words.networks(variants)}, {why}."] if variants else []


def _is_against_time(row: SummaryRow) -> bool:
    return any(trial.against_time for trial in row.group.trials)
