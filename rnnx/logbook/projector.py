"""Points for TensorBoard's Projector page: vectors, and a table of what each of them is.

The page reads plain files: a table of numbers, a table of labels, and `projector_config.pbtxt` in the run's directory
that names both.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rnnx.logbook import files
from rnnx.logbook.run_directory import PROJECTOR, PROJECTOR_CONFIG

LARGEST = 10_000
"""Points; the page becomes slow with more."""


_NEXT = "__seq_next__"
"""The column in which the page looks for the number of the point that comes next, and draws a line to it."""


def write_embedding(
    directory: Path, name: str, vectors: np.ndarray, labels: dict[str, Any], paths: Iterable[Any] | None = None
) -> None:
    """Show vectors in the projector of one run; a name that is there already is replaced.

    Args:
      directory: of the run, where its events are.
      name: what the page calls them, of letters, digits, `_` and `-`.
      vectors: `[N, S]`, at most 10,000 of them.
      labels: `{column: N values}`, shown beside a point and to colour by; at least two columns.
      paths: N values; points with the same one are joined by a line, in their order.

    Raises:
      ValueError: another number of labels than of vectors, or too many.

    >>> import tempfile
    >>> directory = Path(tempfile.mkdtemp())
    >>> write_embedding(directory, "states", np.eye(2), {"step": [0, 1], "label": ["a", "b"]})
    >>> print((directory / "projector" / "states" / "labels.tsv").read_text())
    step	label
    0	a
    1	b
    <BLANKLINE>
    """
    vectors = np.asarray(vectors, float)
    for column, values in labels.items():
        if len(values) != len(vectors):
            raise ValueError(f"labels[{column!r}] must hold {len(vectors)} values, one a vector, not {len(values)}.")
    if len(vectors) > LARGEST:
        raise ValueError(f"vectors must be at most {LARGEST}, not {len(vectors)}: take fewer steps or examples.")
    columns = labels if paths is None else labels | {_NEXT: _next(list(paths))}
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    folder = directory / PROJECTOR / name
    files.write(folder / "vectors.tsv", _table(vectors.tolist()))
    files.write(folder / "labels.tsv", _table(rows))
    files.write(directory / PROJECTOR_CONFIG, _config(directory).encode())


def _next(paths: list[Any]) -> list[Any]:
    """For each point the number of the next one of its path; nothing for the last one."""
    following: dict[Any, int] = {}
    found: list[Any] = []
    for point in reversed(range(len(paths))):
        found.append(following.get(paths[point], ""))
        following[paths[point]] = point
    return found[::-1]


def _table(rows: list[Any]) -> bytes:
    cells = ["\t".join(re.sub(r"[\t\r\n]", " ", str(cell)) for cell in row) + "\n" for row in rows]
    return "".join(cells).encode()


def _config(directory: Path) -> str:
    """An entry for each folder that there is."""
    return "".join(
        f'embeddings {{\n  tensor_name: "{folder.name}"\n'
        f'  tensor_path: "{PROJECTOR}/{folder.name}/vectors.tsv"\n'
        f'  metadata_path: "{PROJECTOR}/{folder.name}/labels.tsv"\n}}\n'
        for folder in sorted((directory / PROJECTOR).iterdir())
    )
