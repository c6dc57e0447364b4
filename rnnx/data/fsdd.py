"""Free Spoken Digit Dataset: 3000 recordings of the digits 0 to 9, by six speakers, fifty of each digit by each.

Mono, 16 bits, 8000 samples a second, 0.14 to 2.28 s long, trimmed of silence. The archive holds
`recordings/{digit}_{speaker}_{index}.wav`; it is known by its recordings, whatever else is in it and however it was
packed.
"""

import functools
import hashlib
import io
import re
import zipfile

from rnnx.data._download import http_file
from rnnx.data._recordings import Recording, Recordings, samples
from rnnx.data._store import Source, obtain, sha256

_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip"
_NAME = re.compile(r"(?:.*/)?recordings/((\d)_([a-z]+)_(\d+)\.wav)")


def _digest(content: bytes) -> str:
    """Of the names and the bytes of all recordings, in the order of their names; of the archive if it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            hashes = [f"{name} {sha256(archive.read(member))}\n" for name, member in sorted(_members(archive))]
    except (zipfile.BadZipFile, OSError, EOFError, ValueError):
        return sha256(content)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _members(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    return [(match[1], name) for name in archive.namelist() if (match := _NAME.fullmatch(name))]


SOURCES = (
    Source(
        path="fsdd/fsdd.zip",
        sha256="dbd573d7cafe79c4b49f65718115e1304e24e067fa39eff18a660dc6cb9c360f",
        origin=_URL,
        download=functools.partial(http_file, _URL),
        digest=_digest,
    ),
)


def fsdd() -> Recordings:
    """Free Spoken Digit Dataset, 3000 recordings in the order of their names; raises `DataError` if it can't be had.

    >>> fsdd().recordings[0].name  # doctest: +SKIP
    '0_george_0.wav'
    """
    with zipfile.ZipFile(io.BytesIO(obtain(SOURCES[0]).content)) as archive:
        recordings = tuple(
            Recording(name, name[0], samples(archive.read(member), name)) for name, member in sorted(_members(archive))
        )
    return Recordings("fsdd", SOURCES[0].sha256, recordings)
