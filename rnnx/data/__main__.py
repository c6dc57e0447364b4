"""Fetch a data set: `python -m rnnx.data tinyshakespeare shakespeare` stops at the first that can be had.

It prints where its files are, their sizes and their sha256. Exit status 2 if none can be had, or if a name is unknown.
"""

import argparse
import sys
from collections.abc import Sequence

from rnnx import data
from rnnx.data._store import obtain, sha256


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the data sets named by the command line in order; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m rnnx.data", description="Fetch a data set and check it by sha256.")
    known = ", ".join(data.names())
    parser.add_argument("names", metavar="NAME", nargs="+", help=f"tried in order until one can be had; known: {known}")
    names = parser.parse_args(arguments).names
    try:
        sources = [data.sources(name) for name in names]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for name, files in zip(names, sources, strict=True):
        try:
            lines = [
                f"{name}: {path} ({len(content):,} bytes, sha256 {sha256(content)})"
                for path, content in map(obtain, files)
            ]
        except data.DataError as error:
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(*lines, sep="\n")
            return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
