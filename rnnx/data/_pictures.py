"""Pictures with captions: small ones, on white, in the memory."""

import csv
import dataclasses
import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from rnnx.data._store import DataError
from rnnx.data._text import read_file

SIDE = 48
"""Pixels that every picture is made to have across and down."""


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Pictures in the order of their file; equal to others of the same name and bytes."""

    name: str
    """Of the data set; of pictures of one's own, the path of the list as it was given."""
    sha256: str
    """Of the file, or of the list and all files that it names, in hexadecimal."""
    pixels: np.ndarray = dataclasses.field(compare=False, repr=False)
    """`[N, 48, 48, 3]`, red, green and blue, 0 to 255."""
    names: tuple[str, ...] = dataclasses.field(compare=False, repr=False)
    """What each picture is called."""
    captions: tuple[str, ...] = dataclasses.field(compare=False, repr=False)
    bases: tuple[str, ...] = dataclasses.field(compare=False, repr=False)
    """What each shows, apart from its tone."""
    tones: tuple[str, ...] = dataclasses.field(compare=False, repr=False)
    """In which variant of that; empty where there is none."""


def pixels(content: bytes) -> np.ndarray:
    """A picture as `[48, 48, 3]` on white, of whatever format and size it is; a picture that is not square is squeezed.

    Raises:
      ValueError: it is none, cut off, or too large to be unpacked; in words that go on after "is".
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            drawn = image.convert("RGBA").resize((SIDE, SIDE), Image.Resampling.BOX)
    except Image.UnidentifiedImageError:
        raise ValueError("no picture that Pillow can read") from None
    except Image.DecompressionBombError:
        raise ValueError("too large to be unpacked") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ValueError(f"damaged: {' '.join(str(error).split())}") from None
    return np.asarray(Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB"))


def read_captions(path: str) -> Pictures:
    """Pictures of one's own, by a list of them: a CSV file in UTF-8 whose first line is `image,caption`.

    Args:
      path: of the list, relative to the working directory; `~` is the home directory. What stands in the column `image`
        is relative to the folder of the list. Other columns are passed over.

    Raises:
      DataError: the list can't be read as `rnnx.data.read_file` does; it lacks a column; a line of it has no caption,
        or more columns than the first one, or names what is not there or no picture, or what a line before it has
        named. With the number of the line.
    """
    text = read_file(path)
    rows = csv.DictReader(io.StringIO(text.text), strict=True)
    drawn: list[np.ndarray] = []
    captions: dict[str, str] = {}
    whole = hashlib.sha256(text.sha256.encode())
    for line, image, caption in _lines(path, rows):
        if image in captions:
            raise DataError(f"line {line} of {path} has {image!r} once more: a picture has one caption.")
        content = _content(path, line, image)
        try:
            drawn.append(pixels(content))
        except ValueError as error:
            raise DataError(f"line {line} of {path}: {image} is {error}.") from None
        captions[image] = caption
        whole.update(hashlib.sha256(content).digest())
    if not captions:
        raise DataError(f"{path} lists no pictures: a line is the path of one and its caption.")
    names = tuple(captions)
    return Pictures(
        text.name, whole.hexdigest(), np.stack(drawn), names, tuple(captions.values()), names, ("",) * len(names)
    )


def _lines(path: str, rows: "csv.DictReader[str]") -> Iterable[tuple[int, str, str]]:
    """Number of the line, picture and caption of each row."""
    try:
        columns = rows.fieldnames or ()
        missing = [column for column in ("image", "caption") if column not in columns]
        if missing:
            raise DataError(f"line 1 of {path} must name its columns image,caption; there is no {missing[0]!r}.")
        for row in rows:
            image, caption = ((row[column] or "").strip() for column in ("image", "caption"))
            if not image or not caption:
                raise DataError(f"line {rows.line_num} of {path} has no {'caption' if image else 'image'}.")
            if None in row:  # where `csv.DictReader` puts what no column is named for
                found = len(columns) + len(row[None])
                raise DataError(
                    f"line {rows.line_num} of {path} has {found} columns and not {len(columns)}: "
                    'a caption with a comma in it stands in quotation marks, such as "a dog, running".'
                )
            yield rows.line_num, os.path.normpath(image), caption  # ./a.png is a.png
    except csv.Error as error:
        raise DataError(f"line {rows.reader.line_num} of {path} is no line of CSV: {error}.") from None


def _content(path: str, line: int, image: str) -> bytes:
    file = Path(os.path.expanduser(path)).parent / image
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:  # a name may hold a byte that no name may have
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"line {line} of {path}: cannot read {file}: {reason}.") from None
