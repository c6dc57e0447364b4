"""The table of all tasks and its picture: `python -m scripts.all_tasks runs/all_tasks`.

Writes docs/results/all_tasks.md and .png of the records of the study configs/all_tasks.py, as far
as it is done.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rnnx.report import study
from rnnx.report.figures import _style
from scripts.all_tasks import page, picture
from scripts.all_tasks.groups import done

OUT = Path(__file__).parents[2] / "docs" / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both."""
    parser = argparse.ArgumentParser(prog="python -m scripts.all_tasks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("workdir", type=Path, help="directory of the study")
    directory = parser.parse_args(arguments).workdir
    try:
        read = done(study.read(directory))
    except study.StudyError as error:
        parser.error(str(error))
    if not read.groups:
        parser.error(f"{directory} has no trial that is done.")
    made = {"md": page.page(read, directory).encode(), "png": _style.png(picture.picture(read))}
    for kind, content in made.items():
        (OUT / f"all_tasks.{kind}").write_bytes(content)
        print(OUT / f"all_tasks.{kind}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
