"""Objects of anyone's own by reference, `package.module:name`, as Python's entry points and `pkgutil` write them.

The module is whatever `import package.module` gives. A folder of one's own belongs at the end of `sys.path`, where
nothing in it takes the place of Python's modules or of rnnx's; a file that is so hidden is told.
"""

import difflib
import hashlib
import importlib
import importlib.util
import sys
import sysconfig
import traceback
import weakref
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeGuard


class UserCodeError(ValueError):
    """Someone's own module failed, or what it made can't be used; the message says where."""


class Source(NamedTuple):
    """Which module it was."""

    file: str
    sha256: str
    """Of the file as it was imported."""


def is_reference(name: object) -> TypeGuard[str]:
    """Whether a name is one of anyone's own.

    >>> is_reference("my_cells:tricky"), is_reference("lstm")
    (True, False)
    """
    return isinstance(name, str) and ":" in name


def file_name(name: str) -> str:
    """A name as part of the name of a file or directory, where a colon is not allowed everywhere.

    >>> file_name("my_cells:tricky"), file_name("lstm")
    ('my_cells.tricky', 'lstm')
    """
    return name.replace(":", ".")


def resolve(reference: str) -> Any:
    """What a reference refers to, with its module imported.

    Raises:
      ValueError: it is not of the form; no such module, or nothing callable of the name in it, with the nearest names.
      UserCodeError: the module can't be imported; the message has file, line and reason.

    >>> resolve("rnnx.cells.lstm:lstm") is resolve("rnnx:lstm")
    True
    >>> resolve("rnnx.cells.lstm:lsmt")
    Traceback (most recent call last):
    ValueError: no object in rnnx.cells.lstm named 'lsmt'; did you mean 'lstm'? Known: LSTMParams, LSTMState, lstm.
    """
    module_name, _, name = reference.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise ValueError(f"{reference!r} is not of the form package.module:name.")
    module = _imported(module_name)
    if not hasattr(module, name):
        own = [
            other
            for other, value in vars(module).items()
            if callable(value) and not other.startswith("_") and getattr(value, "__module__", None) == module_name
        ]
        raise ValueError(unknown(f"object in {module_name}", name, own))
    if not callable(found := getattr(module, name)):
        raise ValueError(f"{reference} is not a function or class, but {found!r}.")
    return found


def source(reference: str) -> Source:
    """The file of a reference's module, and its hash as it was when the module was imported; errors as `resolve`."""
    resolve(reference)
    return _sources[sys.modules[reference.partition(":")[0]]]


def told(reference: str, error: BaseException) -> str:
    """An error in one line, with the last place in the reference's module that led to it."""
    return told_of_file(_file(reference.partition(":")[0]), error)


def told_of_file(file: str, error: BaseException) -> str:
    """An error in one line, with the last place in a file that led to it, if there is one."""
    text = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    if "attempted relative import" in text:
        text += "; its folder is importable, so write 'import x', and not 'from . import x'"
    return f"{_place(file, error)}{type(error).__name__}: {text}"


def leads_to(reference: str, error: BaseException) -> bool:
    """Whether an error came up in the reference's module, or in what that called."""
    return bool(_place(_file(reference.partition(":")[0]), error))


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """One line saying that `name` is no such thing, with the nearest of the known names and all of them."""
    known = sorted(known)
    lower = {other.lower(): other for other in known}
    nearest = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5) if isinstance(name, str) else []
    hint = f"; did you mean {lower[nearest[0]]!r}?" if nearest else "."
    return f"no {kind} named {name!r}{hint} Known: {', '.join(known)}."


_sources: weakref.WeakKeyDictionary[ModuleType, Source] = weakref.WeakKeyDictionary()


def _imported(name: str) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # it is the user's code and may raise anything
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{name}.".startswith(f"{missing}."):
            neighbours = {path.stem for folder in _own_folders() for path in folder.glob("*.py")}
            raise ValueError(unknown("module", name, neighbours)) from None
        raise UserCodeError(f"the module {name!r} can't be imported: {told(name, error)}") from error
    file = getattr(module, "__file__", None)
    for hidden in _files(name):
        if file is None or not hidden.samefile(file):
            raise ValueError(
                f"{hidden} can't be imported as {name!r}, which is {file or 'a module of Python itself'}: "
                "give the file another name."
            )
    if module not in _sources:
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
        _sources[module] = Source(file or "", digest)
    return module


def _file(name: str) -> str:
    """Where a module lies, whether or not it can be imported; empty if that is not known."""
    return str(next(iter(_files(name)), getattr(sys.modules.get(name), "__file__", None) or ""))


def _files(name: str) -> list[Path]:
    """The files in folders of the user's that could be this module."""
    inside = Path(*name.split("."))
    paths = [folder / path for folder in _own_folders() for path in (inside.with_suffix(".py"), inside / "__init__.py")]
    return [path for path in paths if path.is_file()]


def _own_folders() -> list[Path]:
    """Where Python looks for modules, but for its own and what is installed."""
    python = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    installed = {"site-packages", "dist-packages"}
    folders = [Path(entry or ".").absolute() for entry in dict.fromkeys(sys.path)]
    return [
        folder
        for folder in folders
        if folder.is_dir() and not installed & {*folder.parts} and not any(map(folder.is_relative_to, python))
    ]


def _place(file: str, error: BaseException) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: "
    return f"{file}:{lines[-1]}: " if lines else ""
