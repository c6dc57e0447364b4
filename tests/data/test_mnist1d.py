"""MNIST-1D: what the recipe gives is what was published, and other numbers are told from it."""

import importlib
import io

import numpy as np
import pytest

from rnnx import data
from rnnx.data._store import obtain

mnist1d = importlib.import_module("rnnx.data.mnist1d")
SOURCE = mnist1d.SOURCES[0]


@pytest.fixture(scope="module")
def made():
    return mnist1d.generated()


def saved(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def test_the_recipe_gives_the_published_numbers(real_data, made):
    """To a few roundings, and so is of the same hash, packed otherwise or not."""
    published = (real_data / SOURCE.path).read_bytes()
    for ours, theirs in zip(mnist1d._arrays(made), mnist1d._arrays(published), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)  # numbers of about 1, some tens of roundings
    assert published != made
    assert SOURCE.hash_of(published) == SOURCE.hash_of(made) == SOURCE.sha256


def test_it_is_had_without_file_or_network(cache):
    sequences = data.get("mnist1d")()
    assert sequences.train.shape == (4000, 40)
    assert sequences.test.shape == (1000, 40)
    whole = np.concatenate([sequences.train, sequences.test])
    np.testing.assert_allclose([whole.mean(), whole.std()], [0, 1], atol=1e-12)  # 200,000 numbers, standardised
    assert np.bincount(np.concatenate([sequences.train_digits, sequences.test_digits])).tolist() == [500] * 10
    assert (cache / SOURCE.path).is_file()
    np.testing.assert_array_equal(data.get("mnist1d")().train, sequences.train)


def test_no_rounding_of_a_machine_changes_the_hash(made):
    """No number is so near to the border between two millionths: 1e-13 is a hundred roundings."""
    arrays = mnist1d._arrays(made)
    for sign in (-1e-13, 1e-13):
        moved = dict(zip(mnist1d._PARTS, (a + sign * (a.dtype == float) for a in arrays), strict=True))
        assert SOURCE.hash_of(saved(**moved)) == SOURCE.sha256


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda arrays: saved(**arrays | {"x": arrays["x"] + 1e-5}),
        lambda arrays: saved(**arrays | {"y": arrays["y"][::-1]}),
        lambda arrays: saved(x=arrays["x"]),
        lambda arrays: saved(**arrays | {"y": np.array([None, 1], object)}),
        lambda arrays: saved(**arrays)[:-1000],
        lambda arrays: b"",
    ],
    ids=["other numbers", "other digits", "a part missing", "objects", "cut off", "empty"],
)
def test_other_files_are_refused(made, spoilt, tmp_path, monkeypatch):
    path = tmp_path / SOURCE.path
    path.parent.mkdir()
    path.write_bytes(spoilt(dict(zip(mnist1d._PARTS, mnist1d._arrays(made), strict=True))))
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"^[^\n]* is not the expected file: [^\n]*$"):
        obtain(SOURCE)
