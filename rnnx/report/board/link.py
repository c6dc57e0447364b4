"""How TensorBoard is opened: with what compares cells on top, runs coloured by cell, one length, nothing smoothed."""

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from rnnx.logbook.run_directory import STUDY_RUN

MOST_RUNS = 40
"""Of more runs than these most pages of TensorBoard select none; the first one, of more than 500."""

MOST_RUNS_OF_ALL = 500

_NAME = re.compile(r"(?:(?P<task>[^/]+)/)?(?P<variant>[^/]+)/T(?P<length>\d+)/seed(?P<seed>\d+)")
"""What a sweep calls a trial, seen from its directory or from that of a task."""


def command(workdir: Path) -> str:
    """What is typed to open TensorBoard on a study or a run.

    >>> command(Path("runs/one study"))
    "python -m experiments.board 'runs/one study'"
    """
    return f"python -m experiments.board {shlex.quote(str(workdir))}"


def links(runs: Iterable[str], pinned: Iterable[str]) -> dict[str, str]:
    """Where TensorBoard is opened, for each task and length of a study, the longest length first.

    A link that selects by name takes seeds as far as the pages select runs by themselves.

    Args:
      runs: names of all runs, as directories below the one that TensorBoard shows.
      pinned: tags of the charts on top.

    Returns:
      {what it shows: the part of the address after the host}

    >>> list(links(["adding/rnn/T16/seed0", "adding/rnn/T64/seed0"], ["heldout/loss"]))
    ['adding, T = 64', 'adding, T = 16']
    >>> links(["."], [])
    {'all runs': '/?pinnedCards=%5B%5D&smoothing=0#timeseries'}
    """
    pins = [{"plugin": "scalars", "tag": tag} for tag in pinned]
    start = f"/?pinnedCards={_quoted(json.dumps(pins, separators=(',', ':')))}&smoothing=0"
    groups: dict[tuple[str, int], list[int]] = {}
    for run in runs:
        if name := _NAME.fullmatch(run):
            groups.setdefault((name["task"] or "", int(name["length"])), []).append(int(name["seed"]))
    if not groups:
        return {"all runs": f"{start}#timeseries"}
    tasks = list(dict.fromkeys(task for task, _ in groups))
    found = {}
    for task, length in sorted(groups, key=lambda group: (tasks.index(group[0]), -group[1])):
        shown = f"^{task}/.*/T{length}/" if len(tasks) > 1 else f"/T{length}/"
        shown = f"{shown}{_seeds(groups[task, length])}|{STUDY_RUN}"
        # The colour is that of the cell and of what varies of it, which stand before the length.
        color = "regex:([^/]*)/T[0-9]+/seed"
        found[", ".join(filter(None, (task, f"T = {length}")))] = (
            f"{start}&runColorGroup={_quoted(color)}&runFilter={_quoted(shown)}#timeseries&regexInput={_quoted(shown)}"
        )
    return found


def _seeds(seeds: list[int]) -> str:
    """Nothing, or a pattern of as many seeds as the pages select, `_study` beside them."""
    different = sorted(set(seeds))
    each = -(-len(seeds) // len(different))
    few = max((MOST_RUNS - 1) // each, 1)
    return f"seed({'|'.join(map(str, different[:few]))})$" if few < len(different) else ""


def _quoted(text: str) -> str:
    return quote(text, safe="/:,=.*()^$")
