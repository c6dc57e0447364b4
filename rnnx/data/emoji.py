"""Emoji: 3,786 drawings of Twemoji, 64 × 64 pixels each, with their names.

    1f3c4-1f3fd.png   surfer: medium skin tone      1f34e.png   red apple

1,911 of them are different, and 1,875 are some of these in another skin tone, or in two. They are those of the npm
package `emoji-datasource-twitter` 16.0.0, put into one archive with a table of their names. Here they are made smaller,
48 × 48 pixels on white.
"""

import csv
import io
import json
import tarfile
import zipfile

import numpy as np

from rnnx.data._download import npm_archive
from rnnx.data._pictures import Pictures, pixels
from rnnx.data._store import Source, obtain, sha256

_ARCHIVE_SHA256 = "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"
_COLUMNS = ("image", "caption", "short_name", "category", "subcategory", "skin")
_TONES = {
    "1F3FB": "light skin tone",
    "1F3FC": "medium-light skin tone",
    "1F3FD": "medium skin tone",
    "1F3FE": "medium-dark skin tone",
    "1F3FF": "dark skin tone",
}


def emoji() -> Pictures:
    """Twemoji's drawings with their names; raises `DataError` if they cannot be had.

    A base is what is drawn, whatever its tone, and a tone one of five or a pair of them.

    >>> drawings = emoji()  # doctest: +SKIP
    >>> drawings.captions[drawings.names.index("1f34e.png")]  # doctest: +SKIP
    'red apple'
    """
    (source,) = SOURCES
    # Its hash is right, and so it is whole and holds what it should.
    with zipfile.ZipFile(io.BytesIO(obtain(source).content)) as archive:
        table = csv.DictReader(io.StringIO(archive.read("captions.csv").decode("utf-8")))
        images, captions, bases, tones = zip(
            *((row["image"], row["caption"], row["short_name"], row["skin"]) for row in table), strict=True
        )
        drawn = np.stack([pixels(archive.read(f"64/{image}")) for image in images])
    return Pictures("emoji", source.sha256, drawn, images, captions, bases, tones)


def repacked(archive: bytes) -> bytes:
    """The drawings of 64 × 64 pixels in npm's archive, and the table of their names made of `emoji.json`; unpacked.

    Raises:
      OSError: the archive lacks one of them.
    """
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:  # nothing is unpacked to disk

        def member(name: str) -> bytes:
            try:
                file = tar.extractfile(f"package/{name}")
            except KeyError:
                file = None
            if file is None:
                raise OSError(f"no archive with {name}")
            return file.read()

        rows = sorted(
            (of["image"], _caption(one["name"], skin), one["short_name"], one["category"], one["subcategory"], skin)
            for one in json.loads(member("emoji.json"))
            for skin, of in {"": one, **one.get("skin_variations", {})}.items()
        )
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([_COLUMNS, *rows])
        members = {"captions.csv": table.getvalue().encode(), "LICENSE": member("LICENSE")}
        members |= {f"64/{image}": member(f"img/twitter/64/{image}") for image, *_ in rows}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(name, (1985, 10, 26, 8, 15, 0)), content)  # npm's own date, whenever that was
    return packed.getvalue()


def _caption(name: str, skin: str) -> str:
    tones = " ".join(_TONES[tone] for tone in skin.split("-") if tone)
    return name.lower() + (f": {tones}" if tones else "")


def _download() -> bytes:
    archive = npm_archive("emoji-datasource-twitter", "16.0.0")
    if (found := sha256(archive)) != _ARCHIVE_SHA256:  # before it is opened, whatever npm has checked
        raise OSError(f"an archive with sha256 {found}, expected {_ARCHIVE_SHA256}")
    return repacked(archive)


SOURCES = (
    Source(
        path="emoji/emoji_twitter_64.zip",
        sha256="c1cb125bce18ecedd484f722ff81de927949700982eaeece5b9566fc5d576bb0",
        origin="emoji-datasource-twitter@16.0.0 through npm",
        download=_download,
    ),
)
