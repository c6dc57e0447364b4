"""Names of trials: readable, unique, and safe as paths, such as `adding/lstm,forget_bias=0/T128/seed0`.

A name tells what varies within the sweep: task, cell, length and seed always, other fields where they have several
values, or are set in some trials only.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from experiments.config import Config
from experiments.studies.grid import Point
from rnnx.references import file_name

_ALWAYS = {"task.name", "cell.name", "task.length", "seed"}

_LONGEST = 128
"""Characters in the name of a directory; file systems allow 255 bytes, encrypted ones 143."""


def names(points: Sequence[Point], configs: Sequence[Config]) -> list[str]:
    """One name for each point and the config that it leads to; two are equal only where the points are."""
    found: dict[str, dict[str, Any]] = {}
    for point in points:
        for field, value in point.items():
            found.setdefault(field, {})[repr(value)] = value
    telling = sorted(
        field
        for field, values in found.items()
        if field not in _ALWAYS and (len(values) > 1 or any(field not in point for point in points))
    )
    leaves = Counter(map(_leaf, telling))
    said = {}
    for field in telling:
        leaf = _leaf(field)
        said[field] = (leaf if leaves[leaf] == 1 else field, _texts(found[field]))

    def name(point: Point, config: Config) -> str:
        settings = "".join(
            f",{short}={texts[repr(point[field])]}"
            for field, (short, texts) in said.items()
            if point.get(field) is not None
        )
        task, cell = file_name(config.task.name), file_name(config.cell.name)
        return f"{task}/{_fitting(cell + settings)}/T{config.length}/seed{config.seed}"

    return [name(point, config) for point, config in zip(points, configs, strict=True)]


def shortened(names: Sequence[str]) -> dict[str, str]:
    """What people need of the names of one sweep's trials: without what all of them share, but with the cell always.

    >>> list(shortened(["adding/lstm,remat=full,forget_bias=0/T16/seed0", "adding/gru,remat=full/T16/seed1"]).values())
    ['lstm,forget_bias=0/seed0', 'gru/seed1']
    """
    split = [name.split("/") for name in names]
    if len(names) < 2 or any(len(parts) != 4 for parts in split):
        return {name: name for name in names}
    cells = [_settings(parts[1]) for parts in split]
    shared = set.intersection(*(set(settings[1:]) for settings in cells))
    varying = [place for place in (0, 2, 3) if len({parts[place] for parts in split}) > 1]

    def short(parts: list[str], settings: list[str]) -> str:
        cell = ",".join(text for text in settings if text not in shared)
        return "/".join([*(parts[place] for place in varying if place == 0), cell, *(parts[p] for p in varying if p)])

    return {name: short(parts, settings) for name, parts, settings in zip(names, split, cells, strict=True)}


def _leaf(field: str) -> str:
    """What a setting is called by itself: `model` of `model.name`, `dropout` of `objective.dropout`."""
    section, _, leaf = field.rpartition(".")
    return section if leaf == "name" else leaf


def _settings(text: str) -> list[str]:
    """The pieces of `lstm,forget_bias=0` between commas that do not stand within brackets."""
    return re.split(r",(?![^(]*\))", text)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """For each value, by its `repr`, a text in which it differs from the others."""
    texts = {exact: _text(value) for exact, value in values.items()}
    times = Counter(texts.values())
    return {exact: text if times[text] == 1 else _safe(exact) for exact, text in texts.items()}


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "+".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else _safe(file_name(str(value).replace(", ", ",")))


def _safe(text: str) -> str:
    """No slash, space or the like: they are written `%2F`, `%20`."""
    return quote(text, safe="(),=+")


def _fitting(name: str) -> str:
    """A name that is too long for a directory is cut, and a hash of it keeps it unique."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
