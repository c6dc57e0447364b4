"""Where the bytes of a data set are: in RNNX_DATA_DIR, else in the user's cache, else at their origin."""

import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pooch


class DataError(Exception):
    """A data set cannot be had; the message is one line saying what was tried and what to do."""


class Source(NamedTuple):
    """What a file must be, and how to get it.

    Attributes:
      path: relative to `$RNNX_DATA_DIR` and to the cache, with forward slashes.
      sha256: of the file, in hexadecimal.
      origin: where `download` gets it, in words or as a URL, for messages.
      download: returns the bytes of the file; raises `OSError` with a short reason.
      digest: what `sha256` must be, given the bytes, where it is not of them: archives of the same files differ.
    """

    path: str
    sha256: str
    origin: str
    download: Callable[[], bytes]
    digest: Callable[[bytes], str] | None = None

    def hash_of(self, content: bytes) -> str:
        """What `sha256` must be equal to."""
        return self.digest(content) if self.digest else sha256(content)


class File(NamedTuple):
    """A file on disk and its bytes, which are the ones that were checked."""

    path: Path
    content: bytes


def obtain(source: Source) -> File:
    """The file of a source, checked by sha256, downloaded into the cache if need be.

    A wrong file in `$RNNX_DATA_DIR` belongs to the user: it is refused, and left as it is. A wrong file in the cache is
    replaced by a new download.

    Raises:
      DataError: the file cannot be had, read or kept, or is the wrong one.
    """
    tried = []

    given = _given_path(source)
    if given is None:
        tried.append("RNNX_DATA_DIR is not set")
    elif (content := _read(given)) is None:
        tried.append(f"RNNX_DATA_DIR has no {given}")
    elif (found := source.hash_of(content)) != source.sha256:
        raise DataError(
            f"{given} is not the expected file: its sha256 is {found}, expected {source.sha256}; "
            "replace it, or unset RNNX_DATA_DIR to use the cache."
        )
    else:
        return File(given, content)

    cached = _cache_path(source)
    if (content := _read(cached)) is None:
        tried.append(f"the cache has no {cached}")
    elif (found := source.hash_of(content)) != source.sha256:
        tried.append(f"{cached} in the cache is damaged (sha256 {found})")
    else:
        return File(cached, content)

    try:
        content = source.download()
    except OSError as error:
        tried.append(f"{source.origin} failed ({' '.join(str(error).split())})")
    else:
        if (found := source.hash_of(content)) == source.sha256:
            _write(cached, content)
            return File(cached, content)
        tried.append(f"{source.origin} gave another file (sha256 {found}, expected {source.sha256})")

    raise DataError(
        f"cannot get {source.path}: {'; '.join(tried)}. Set RNNX_DATA_DIR to a folder holding {source.path}, "
        "or try again with a network connection."
    )


def on_disk(source: Source) -> bool:
    """Whether there is a file for this source in `$RNNX_DATA_DIR` or in the cache; it is not read."""
    given = _given_path(source)
    return _cache_path(source).is_file() or (given is not None and given.is_file())


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal.

    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


# Both variables are read at each call, so that a notebook may set them after the import.
def _given_path(source: Source) -> Path | None:
    folder = os.environ.get("RNNX_DATA_DIR")
    return Path(folder).expanduser() / source.path if folder else None


def cache_directory() -> Path:
    """The user's cache: `$RNNX_CACHE_DIR`, or where the platform keeps such files."""
    return Path(os.environ.get("RNNX_CACHE_DIR") or pooch.os_cache("rnnx")).expanduser()


def _cache_path(source: Source) -> Path:
    return cache_directory() / source.path


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from None


def _write(path: Path, content: bytes) -> None:
    # Under a name of its own until it is whole: a reader, or another process fetching the same file, sees either no
    # file or all of it, whenever this process dies.
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}; set RNNX_CACHE_DIR to a folder where there is room to write."
        ) from None
