"""What the pages have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first row is its head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances(record: Mapping[str, Any]) -> str:
    """When and on what the figures of a record were measured."""
    machine = record["machine"]
    return (
        f"{record['date']}, {machine['cores']} cores of {machine['cpu']} ({machine['vectors']}), {machine['system']}. "
        f"Flags: {machine['flags']}.{' The machine was busy: times are too long.' if record['busy'] else ''}"
    )


def versions(found: Mapping[str, str]) -> str:
    """Packages with their versions."""
    return ", ".join(f"{package} {version}" for package, version in found.items())
