"""Drawings of emoji, and how they come out of npm's archive."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from rnnx import data
from rnnx.data._download import npm_archive
from rnnx.data._pictures import pixels
from rnnx.data._store import sha256
from rnnx.data.emoji import SOURCES, repacked


def png(color, mode="RGBA"):
    buffer = io.BytesIO()
    Image.new(mode, (64, 64), color).save(buffer, "png")
    return buffer.getvalue()


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_the_real_drawings(real_data):
    """Counted apart from the loader, by tools for text on the table in the archive."""
    drawings = data.get("emoji")()
    assert (drawings.name, drawings.sha256) == ("emoji", SOURCES[0].sha256)
    assert drawings.pixels.shape == (3786, 48, 48, 3)
    assert len(set(drawings.bases)) == drawings.tones.count("") == 1911
    assert len(set(zip(drawings.bases, drawings.tones, strict=True))) == 3786
    apple = drawings.names.index("1f34e.png")
    assert drawings.captions[apple] == "red apple"
    red, green, blue = drawings.pixels[apple].astype(int).mean(axis=(0, 1))
    assert red > 1.1 * max(green, blue)
    assert (drawings.pixels[apple, [0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()  # what is transparent is white
    surfer = drawings.names.index("1f3c4-1f3fd.png")
    assert (drawings.bases[surfer], drawings.tones[surfer]) == ("surfer", "1F3FD")
    assert drawings.captions[surfer] == "surfer: medium skin tone"


EMOJI = [
    {
        "name": "SURFER",
        "image": "b.png",
        "short_name": "surfer",
        "category": "People",
        "subcategory": "sport",
        "skin_variations": {"1F3FB-1F3FF": {"image": "c.png"}},
    },
    {"name": "KEYCAP, *", "image": "a.png", "short_name": "key", "category": "Symbols", "subcategory": "keycap"},
]


def test_an_archive_is_made_of_npms_in_the_order_of_file_names():
    drawn = {f"img/twitter/64/{name}.png": f"bytes of {name}".encode() for name in "abc"}
    given = {"emoji.json": json.dumps(EMOJI).encode(), "LICENSE": b"MIT", "index.js": b"boom()", **drawn}
    packed = repacked(archive(given))
    assert packed == repacked(archive(dict(reversed(given.items()))))
    with zipfile.ZipFile(io.BytesIO(packed)) as made:
        assert made.namelist() == ["captions.csv", "LICENSE", "64/a.png", "64/b.png", "64/c.png"]
        assert made.read("64/c.png") == b"bytes of c"
        assert made.read("captions.csv").decode().split("\n") == [
            "image,caption,short_name,category,subcategory,skin",
            'a.png,"keycap, *",key,Symbols,keycap,',
            "b.png,surfer,surfer,People,sport,",
            "c.png,surfer: light skin tone dark skin tone,surfer,People,sport,1F3FB-1F3FF",
            "",
        ]
    del given["img/twitter/64/b.png"]
    with pytest.raises(OSError, match=r"^no archive with img/twitter/64/b\.png$"):
        repacked(archive(given))


def test_what_is_cut_off_or_of_another_kind_is_refused(real_data, tmp_path, monkeypatch):
    path = tmp_path / SOURCES[0].path
    path.parent.mkdir()
    whole = (real_data / SOURCES[0].path).read_bytes()
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    for content in (whole[:-1000], archive({"emoji.json": b"[]"}), b""):
        path.write_bytes(content)
        with pytest.raises(data.DataError, match=r"^.*emoji_twitter_64\.zip is not the expected file: its sha256 is "):
            data.get("emoji")()


def test_where_npm_fails_the_message_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        data.DataError, match=r"^cannot get emoji/emoji_twitter_64\.zip: .*npm is not installed"
    ) as raised:
        data.get("emoji")()
    assert "\n" not in str(raised.value)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTCACHED' >&2\necho 'npm error no such package' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(OSError, match=r"^npm: no such package$"):
        npm_archive("emoji-datasource-twitter", "16.0.0")


@pytest.mark.slow
def test_the_archive_through_npm(cache):
    assert data.get("emoji")().pixels.shape == (3786, 48, 48, 3)
    assert sha256((cache / SOURCES[0].path).read_bytes()) == SOURCES[0].sha256


def test_pixels_of_every_kind_are_on_white():
    assert (pixels(png((255, 0, 0, 255))) == [255, 0, 0]).all()
    assert (pixels(png((255, 0, 0, 0))) == 255).all()
    np.testing.assert_allclose(pixels(png((0, 0, 0, 51))), 204, atol=1)  # a fifth of black
    assert (pixels(png(7, "L")) == 7).all()
    assert pixels(png((1, 2, 3), "RGB")).shape == (48, 48, 3)
