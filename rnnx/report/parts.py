"""The tags of a model with several recurrent parts, part by part: each begins with the name of its part."""

from collections.abc import Iterable
from typing import Any


def prefix(part: str) -> str:
    """What the tags of a part begin with; nothing for a part that is the only one, whose name is empty."""
    return f"{part}/" if part else ""


def names(tags: Iterable[str], diagnostic: str) -> list[str]:
    """The parts that have tags of a diagnostic, sorted; one without a name where the model has one.

    >>> names(["step", "layer0/backward/gates/forget/mean", "layer0/forward/gates/forget/mean"], "gates")
    ['layer0/backward', 'layer0/forward']
    >>> names(["gates/forget/mean"], "gates")
    ['']
    """
    split = (f"/{tag}".partition(f"/{diagnostic}/") for tag in tags)
    return sorted({part.removeprefix("/") for part, own, _ in split if own})


def of_part(values: dict[str, Any], part: str, names: Iterable[str]) -> dict[str, Any]:
    """The values of one part under tags without its name, and those of the model as a whole, of all its parts.

    >>> of_part({"step": 3, "encoder/omega/value": 1.0, "decoder/omega/value": 2.0}, "encoder", ["encoder", "decoder"])
    {'step': 3, 'omega/value': 1.0}
    """
    others = tuple(prefix(other) for other in names if other != part)
    return {tag.removeprefix(prefix(part)): v for tag, v in values.items() if not (others and tag.startswith(others))}
