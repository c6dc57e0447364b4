"""Files that are either whole or not there."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a file by atomic rename; what was there stays readable until then, whenever a kill comes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "folder" / "file"
    >>> write(path, b"whole")
    >>> path.read_bytes()
    b'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
