"""Piano rolls: the published ones, damaged ones, and those of one's own."""

import io

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from rnnx import data
from rnnx.data._piano_rolls import parse, read_piano_rolls
from rnnx.tasks.music import polyphony as module

PARTS = ("traindata", "validdata", "testdata")
RNG = np.random.default_rng(0)


def cells(*pieces):
    made = np.empty((1, len(pieces)), object)
    made[0] = [*pieces, None][:-1]
    return made


def rolls(*lengths):
    return cells(*((RNG.random((length, 88)) < 0.1).astype(np.uint8) for length in lengths))


def mat(**parts):
    content = io.BytesIO()
    scipy.io.savemat(content, parts)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "pieces", "frames", "unigram"),
    [("jsb", [229, 76, 77], 13_807, 11.06), ("nottingham", [694, 173, 170], 176_561, 10.25)],
)
def test_the_real_music(real_data, name, pieces, frames, unigram):
    """The unigram's loss of the test part is known; ours is of the held-out one."""
    found = data.get(name)()
    assert [len(found.train), len(found.valid), len(found.test)] == pieces
    assert sum(map(len, found.train)) == frames
    swapped = found.__class__(found.name, "of the test part", found.train, found.test, found.valid)
    # Published of all frames, the first of a piece too.
    assert module._unigram(swapped) == pytest.approx(unigram, abs=0.05)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "m is no file of MATLAB: .*"),
        (b"MATLAB 5.0 MAT-file" + b"\0" * 300, "m is no file of MATLAB: .*"),
        (mat(traindata=rolls(3), testdata=rolls(3)), "m lacks validdata: it must have .*"),
        (mat(**dict.fromkeys(PARTS, np.zeros((3, 88)))), "m has no pieces in traindata: it must have .*"),
        (
            mat(**dict.fromkeys(PARTS, cells(np.zeros((3, 87))))),
            r"m: piece 1 of traindata is none, of shape \(3, 87\).*",
        ),
        (mat(**dict.fromkeys(PARTS, cells(np.full((3, 88), 2)))), "m: piece 1 of traindata has other values .*"),
        (mat(**dict.fromkeys(PARTS, rolls(1))), "m: piece 1 of traindata has 1 frames, and nothing follows .*"),
    ],
    ids=["empty", "header", "a part missing", "no list", "87 keys", "twos", "one frame"],  # a file has its time in it
)
def test_what_is_no_music_is_told_in_one_line(content, message):
    with pytest.raises(data.DataError, match=f"^{message}$"):
        parse(content, "m", "")


def test_a_file_at_which_its_reader_crashes_is_refused(tmp_path):
    """By one wrong byte, of the flags of an array, SciPy 1.18 reads where nothing is."""
    content = bytearray(mat(**dict.fromkeys(PARTS, rolls(9, 5))))
    content[209] = 8
    (tmp_path / "m.mat").write_bytes(content)
    with pytest.raises(data.DataError, match=r"^[^\n]*m\.mat is no file of MATLAB[^\n]*\.$"):
        read_piano_rolls(str(tmp_path / "m.mat"))


def test_pieces_may_be_sparse(tmp_path):
    dense = cells(*(np.eye(n, 88) for n in (3, 5)))
    sparse = cells(*map(scipy.sparse.csc_matrix, dense.ravel()))
    found, expected = (parse(mat(**dict.fromkeys(PARTS, of)), "m", "") for of in (sparse, dense))
    for part in ("train", "valid", "test"):
        for one, other in zip(getattr(found, part), getattr(expected, part), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_file_that_is_cut_off_is_refused_and_one_that_is_not_there_told(real_data, tmp_path):
    content = (real_data / "music" / "JSB_Chorales.mat").read_bytes()
    with pytest.raises(data.DataError, match=r"^m is no file of MATLAB: .*$"):
        parse(content[:-20_000], "m", "")
    with pytest.raises(data.DataError, match=r"^cannot read .*none\.mat: No such file or directory\.$"):
        read_piano_rolls(str(tmp_path / "none.mat"))
