"""Write the table of all tags of diagnostics and readings into its page, between its first and its last line there.

python -m rnnx.diagnostics docs/measurements.md
"""

import sys
from pathlib import Path

from rnnx import diagnostics, readings

_HEADER = "| tag | what | unit |\n| --- | --- | --- |\n"


def table() -> str:
    """A row for each declaration, by diagnostic, and then by reading."""
    rows = [
        f"| {', '.join(f'`{one}`' for one in tag.names)} | {tag.meaning} | {tag.unit or 'none'} |\n"
        for package in (diagnostics, readings)
        for name in package.names()
        for tag in package.tags(name)
    ]
    return _HEADER + "".join(rows)


def with_table(page: str) -> str:
    """A page with its table of tags as it should be.

    >>> with_table("Before.\n\n<!-- tags -->\nold\n<!-- /tags -->\n").startswith("Before.\n\n<!-- tags -->\n| tag |")
    True
    """
    before, start, rest = page.partition("<!-- tags -->\n")
    _, end, after = rest.partition("<!-- /tags -->\n")
    if not (start and end):
        raise SystemExit("the page has no place for the table: lines <!-- tags --> and <!-- /tags -->.")
    return before + start + table() + end + after


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m rnnx.diagnostics docs/measurements.md")
    path = Path(sys.argv[1])
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
