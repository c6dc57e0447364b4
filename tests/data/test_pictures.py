"""Pictures of one's own, by a list of them; and every way in which a list or a picture can be wrong."""

import io

import numpy as np
import pytest
from PIL import Image

from rnnx.data import DataError
from rnnx.data._pictures import read_captions


@pytest.fixture
def folder(tmp_path):
    for name, color in (("red.png", "red"), ("blue.jpg", "blue"), ("in/tall.gif", "green")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 90), color).save(path)
    whole = (tmp_path / "red.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def listed(folder, text):
    path = folder / "captions.csv"
    path.write_bytes(text.encode())
    return str(path)


def test_pictures_are_read_in_the_order_of_the_list(folder):
    """Other columns, signs in a caption, other ends of lines; whatever the size and format."""
    path = listed(folder, 'by,image,caption\r\nme,red.png,"a red one, tall"\r\n\r\nme,in/tall.gif, green \r\n')
    pictures = read_captions(path)
    assert pictures.name == path
    assert pictures.names == ("red.png", "in/tall.gif")
    assert pictures.captions == ("a red one, tall", "green")
    assert pictures.pixels.shape == (2, 48, 48, 3)
    np.testing.assert_array_equal(pictures.pixels[:, 24, 24], [[255, 0, 0], [0, 128, 0]])


def test_another_picture_of_the_same_name_is_other_data(folder):
    path = listed(folder, "image,caption\nred.png,red\n")
    before = read_captions(path).sha256
    assert read_captions(path).sha256 == before
    Image.new("RGB", (30, 90), "orange").save(folder / "red.png")
    assert read_captions(path).sha256 != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red.png,red\n", r"line 1 of .*captions\.csv must name its columns image,caption; there is no 'image'\."),
        ("image,text\nred.png,red\n", r"line 1 of .*csv must name its columns image,caption; there is no 'caption'\."),
        ("image,caption\n", r".*captions\.csv lists no pictures: a line is the path of one and its caption\."),
        ("image,caption\nred.png,red\nblue.jpg\n", r"line 3 of .*captions\.csv has no caption\."),
        ("image,caption\n,red\n", r"line 2 of .*captions\.csv has no image\."),
        (
            "image,caption\nred.png,red, tall, thin\n",
            r"line 2 of .*csv has 4 columns and not 2: a caption with a comma .*",
        ),
        ("image,caption\nred.png,red\nred.png,also\n", r"line 3 of .*captions\.csv has 'red\.png' once more: .*"),
        ("image,caption\nred.png,red\n./red.png,r\n", r"line 3 of .*captions\.csv has 'red\.png' once more: .*"),
        ("image,caption\ngreen.png,g\n", r"line 2 of .*csv: cannot read .*green\.png: No such file or directory\."),
        ("image,caption\nin,folder\n", r"line 2 of .*csv: cannot read .*in: Is a directory\."),
        ("image,caption\na\0b.png,x\n", r"line 2 of .*csv: cannot read .*: embedded null byte\."),
        ("image,caption\nhalf.png,half\n", r"line 2 of .*csv: half\.png is damaged: .*\."),
        ("image,caption\ntext.png,text\n", r"line 2 of .*csv: text\.png is no picture that Pillow can read\."),
        ('image,caption\nred.png,"red\n', r"line 2 of .*csv is no line of CSV: unexpected end of data\."),
        ("", r".*captions\.csv is empty: .*"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(folder, text, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        read_captions(listed(folder, text))


def test_a_picture_too_large_to_be_unpacked_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"^line 2 of .*csv: red\.png is too large to be unpacked\.$"):
        read_captions(listed(folder, "image,caption\nred.png,red\n"))


def test_a_list_that_is_not_there_gets_the_nearest(folder):
    listed(folder, "image,caption\n")
    with pytest.raises(DataError, match=r"^there is no file .*caption\.csv; did you mean 'captions\.csv'\?$"):
        read_captions(str(folder / "caption.csv"))


def test_no_pickle_is_loaded(folder):
    (folder / "pickle.png").write_bytes(io.BytesIO(b"\x80\x04N.").getvalue())
    with pytest.raises(DataError, match=r"pickle\.png is no picture that Pillow can read\.$"):
        read_captions(listed(folder, "image,caption\npickle.png,x\n"))
