"""Optical recognition of handwritten digits: 1,797 images of 8 × 8 pixels, each of 17 shades.

The part to test on of UCI's data set (Alpaydin & Kaynak 1998, CC BY 4.0), from 13 people, as scikit-learn's
`load_digits` has it. scikit-learn isn't needed: the file is the same in all of its releases, and in its repository.
"""

from functools import partial

from rnnx.data import _labelled_images
from rnnx.data._download import first_that_works, http_file, pip_wheel_member
from rnnx.data._labelled_images import LabelledImages
from rnnx.data._store import Source

_MEMBER = "sklearn/datasets/data/digits.csv.gz"
_URL = f"https://raw.githubusercontent.com/scikit-learn/scikit-learn/1.7.2/{_MEMBER}"
_WHEEL_SHA256 = "e5bf3d930aee75a65478df91ac1225ff89cd28e9ac7bd1196853a9229b6adb0b"

SOURCES = (
    Source(
        path="digits/digits.csv.gz",
        sha256="09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
        origin=f"{_URL}, or scikit-learn==1.7.2 through pip,",
        download=partial(
            first_that_works,
            partial(http_file, _URL),
            partial(
                pip_wheel_member,
                *("scikit-learn", "1.7.2", _WHEEL_SHA256, _MEMBER),
                platform="manylinux2014_x86_64",
            ),
        ),
    ),
)


def digits() -> LabelledImages:
    """Handwritten digits, `[1797, 8, 8]`; raises `DataError` if they can't be had.

    >>> digits().labels[:12].tolist()  # doctest: +SKIP
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    """
    (source,) = SOURCES
    return _labelled_images.read("digits", source, side=8, brightest=16)
