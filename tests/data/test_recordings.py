"""Recordings: the published ones, damaged ones, and those of one's own."""

import io
import itertools
import re
import wave
import zipfile

import numpy as np
import pytest

from rnnx import data
from rnnx.data._recordings import Recordings, read_recordings, samples
from rnnx.data.fsdd import SOURCES


def wav(samples, channels=1, width=2, rate=8000):
    """The bytes of a wav file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return content.getvalue()


def test_the_real_digits(real_data):
    digits = data.get("fsdd")()
    recordings = digits.recordings
    assert len(recordings) == 3000
    names = {f"{digit}_{speaker}_{index}.wav" for digit in range(10) for speaker in SPEAKERS for index in range(50)}
    assert {one.name for one in recordings} == names
    assert all(one.label == one.name[0] for one in recordings)
    sizes = [len(one.samples) for one in recordings]
    assert (min(sizes), max(sizes), sum(sizes)) == (1148, 18262, 10_498_424)  # counted apart, by the module wave


SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


def test_an_archive_is_known_by_its_recordings(real_data, tmp_path, monkeypatch):
    """Packed otherwise, with other files in it: the same data; one recording another: refused."""
    path = tmp_path / SOURCES[0].path
    path.parent.mkdir()
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with zipfile.ZipFile(real_data / SOURCES[0].path) as real:
        members = {name: real.read(name) for name in real.namelist() if name.endswith(".wav")}

    def packed(changed):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("elsewhere/LICENSE", "by and by")
            for name, content in reversed(members.items()):
                archive.writestr(name.replace("free-spoken-digit-dataset", "elsewhere"), changed(name, content))

    packed(lambda name, content: content)
    assert data.get("fsdd")() == Recordings("fsdd", SOURCES[0].sha256, ())
    packed(lambda name, content: content[:-2] + b"\0\1" if name.endswith("7_theo_3.wav") else content)
    with pytest.raises(data.DataError, match=r"fsdd\.zip is not the expected file"):
        data.get("fsdd")()


@pytest.mark.parametrize("spoil", [lambda content: content[:-100_000], lambda content: b"<html>", lambda content: b""])
def test_an_archive_that_is_damaged_is_refused(real_data, tmp_path, monkeypatch, spoil):
    path = tmp_path / SOURCES[0].path
    path.parent.mkdir()
    path.write_bytes(spoil((real_data / SOURCES[0].path).read_bytes()))
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"^.*fsdd\.zip is not the expected file: its sha256 is .*$"):
        data.get("fsdd")()


def test_recordings_of_ones_own(tmp_path):
    for name, values in {"no_2.wav": [4, -5], "yes_1.WAV": [1, 2, 3], "no_10.wav": [0]}.items():
        (tmp_path / name).write_bytes(wav(values))
    (tmp_path / "notes.txt").write_text("not one of them")
    found = read_recordings(str(tmp_path))
    assert [(one.name, one.label, one.samples.tolist()) for one in found.recordings] == [
        ("no_10.wav", "no", [0]),
        ("no_2.wav", "no", [4, -5]),
        ("yes_1.WAV", "yes", [1, 2, 3]),
    ]
    assert read_recordings(str(tmp_path)) == found
    (tmp_path / "yes_1.wav").write_bytes(wav([1, 2, 4]))
    assert read_recordings(str(tmp_path)) != found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("yes.wav", wav([1]), r".*yes\.wav has no label: a recording is called .*"),
        ("a_1.wav", b"RIFF", r".*a_1\.wav is no wav file with plain samples: .*"),
        ("a_1.wav", wav(range(50))[:-20], r".*a_1\.wav is cut off: it has 40 samples of 50\."),
        (
            "a_1.wav",
            wav([1, 2], channels=2),
            r".*a_1\.wav has 2 channels of 16 bits at 8000 samples a second, .* sox .*",
        ),
        ("a_1.wav", wav([1, 2], rate=44100), r".*a_1\.wav has 1 channel of 16 bits at 44100 samples a second, .*"),
        ("a_1.mp3", b"", r".* has no recordings: they are wav files called .*"),
    ],
)
def test_what_can_not_be_read_is_told_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(data.DataError, match=f"^{message}$"):
        read_recordings(str(tmp_path))


def test_a_folder_that_is_not_there_is_told():
    with pytest.raises(data.DataError, match=r"^no/such is no folder: give one with wav files .*$"):
        read_recordings("no/such")


@pytest.mark.parametrize("spoil", [lambda content: b"", lambda content: b"text", lambda content: content[:20]])
def test_what_is_cut_off_is_said_to_be(tmp_path, spoil):
    (tmp_path / "no_1.wav").write_bytes(spoil(wav([1, 2, 3])))
    with pytest.raises(data.DataError, match=r"^.*no_1\.wav is no wav file with plain samples: [^\n:.]{5,}\.$"):
        read_recordings(str(tmp_path))


def test_a_header_with_a_wrong_byte_is_told(tmp_path):
    """Wherever it stands, whatever the module wave makes of it."""
    content = wav(np.arange(40))
    for place, value in itertools.product(range(44), (0, 1, 127, 255)):
        damaged = content[:place] + bytes([value]) + content[place + 1 :]
        try:
            found = samples(damaged, "a.wav")
        except data.DataError as error:
            assert re.fullmatch(r"a\.wav (is|has) [^\n]{8,}\.", str(error))  # noqa: PT017 (some are read all the same)
        else:
            assert len(found) <= 40
