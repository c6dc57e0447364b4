"""Images of known classes: what a line of their file is, and the two real sets where they are at hand."""

import gzip
import os

import numpy as np
import pytest

from rnnx import data
from rnnx.data import _labelled_images
from rnnx.data._store import Source, sha256

CACHE = os.environ.get("RNNX_CACHE_DIR")  # read before `cache` hides it


def test_a_line_is_an_image_by_rows_and_its_class(tmp_path, monkeypatch):
    content = gzip.compress(b"0,8,16,4,7\n1,2,3,0,0\n")
    (tmp_path / "two.csv.gz").write_bytes(content)
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    source = Source("two.csv.gz", sha256(content), "nowhere", lambda: b"")
    images = _labelled_images.read("two", source, side=2, brightest=16)
    np.testing.assert_array_equal(images.pixels[0], [[0, 0.5], [1, 0.25]])  # eighths are exact
    np.testing.assert_array_equal(images.labels, [7, 0])
    assert images.sha256 == sha256(content)


@pytest.mark.parametrize(
    ("name", "shape", "of_each", "mean"),
    [
        ("digits", (1797, 8, 8), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180], 4.884165 / 16),
        ("mnist_5k", (5000, 28, 28), [500] * 10, None),
    ],
)
def test_the_real_images(name, shape, of_each, mean, monkeypatch):
    if not CACHE:
        monkeypatch.delenv("RNNX_CACHE_DIR")
    else:
        monkeypatch.setenv("RNNX_CACHE_DIR", CACHE)
    if not data.available(name):
        pytest.skip(f"{name} was not downloaded")
    images = data.get(name)()
    assert images.pixels.shape == shape
    assert (images.pixels.min(), images.pixels.max()) == (0, 1)
    np.testing.assert_array_equal(np.bincount(images.labels), of_each)
    if mean is not None:  # of scikit-learn's load_digits, to the six places that are written here
        np.testing.assert_allclose(images.pixels.mean(), mean, rtol=1e-6)
