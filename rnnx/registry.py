"""Finding a cell, a task, a diagnostic … by name: the name is the module's name, so a new file is all it takes."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any


def names(package: str) -> tuple[str, ...]:
    """The public modules of a package, sorted.

    >>> "lstm" in names("rnnx.cells")
    True
    """
    path = importlib.import_module(package).__path__
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")))


def get(package: str, name: str) -> Any:
    """The object called `name` in the module `package.name`.

    Raises:
      ValueError: no such module; the message lists the known names and the nearest one.

    >>> get("rnnx.cells", "lsmt")
    Traceback (most recent call last):
    ValueError: no cell named 'lsmt'; did you mean 'lstm'? Known: ...
    """
    known = names(package)
    if name not in known:
        kind = package.rpartition(".")[2].removesuffix("s").replace("_", " ")
        raise ValueError(unknown(kind, name, known))
    return getattr(importlib.import_module(f"{package}.{name}"), name)


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """One line saying that `name` is no such thing, with the nearest of the known names and all of them."""
    known = sorted(known)
    nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return f"no {kind} named {name!r}{hint} Known: {', '.join(known)}."
