"""Write the tables of all tags into their page, between the first and the last line of each there.

python -m rnnx.diagnostics docs/measurements.md
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from rnnx import diagnostics, readings
from rnnx.diagnostics import Tag
from rnnx.logbook.tags import OTHERS

_HEADER = "| tag | what | unit |\n| --- | --- | --- |\n"


def with_tables(page: str) -> str:
    """A page with its tables as they should be: of what diagnostics and readings measure, and of all else.

    >>> page = "<!-- tags -->\nold\n<!-- /tags -->\nBetween.\n<!-- others -->\n<!-- /others -->\n"
    >>> with_tables(page).startswith("<!-- tags -->\n| tag |")
    True
    """
    measured = [tag for package in (diagnostics, readings) for name in package.names() for tag in package.tags(name)]
    return _with_table(_with_table(page, "tags", measured), "others", OTHERS)


def _with_table(page: str, name: str, tags: Iterable[Tag]) -> str:
    before, start, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->\n")
    if not (start and end):
        raise SystemExit(f"the page has no place for a table: lines <!-- {name} --> and <!-- /{name} -->.")
    rows = [
        f"| {', '.join(f'`{one}`' for one in tag.names)} | {tag.meaning} | {tag.unit or 'none'} |\n" for tag in tags
    ]
    return before + start + _HEADER + "".join(rows) + end + after


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m rnnx.diagnostics docs/measurements.md")
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
