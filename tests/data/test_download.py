"""A source archive through the real pip, from a folder of packages: no network, and no code of the archive is run."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from rnnx.data._download import pip_source_archive


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
