"""The table of all tasks and its picture: `python -m scripts.all_tasks runs/all_tasks`.

Writes docs/results/all_tasks.md and .png of the records of the study configs/all_tasks.py.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rnnx.report import study
from rnnx.report.figures import _style
from scripts.all_tasks import page, picture

OUT = Path(__file__).parents[2] / "docs" / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both."""
    parser = argparse.ArgumentParser(prog="python -m scripts.all_tasks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("workdir", type=Path, help="directory of the study")
    directory = parser.parse_args(arguments).workdir
    read = study.read(directory)
    (OUT / "all_tasks.md").write_text(page.page(read, directory), encoding="utf-8")
    (OUT / "all_tasks.png").write_bytes(_style.png(picture.picture(read)))
    print(OUT / "all_tasks.md", OUT / "all_tasks.png", sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
