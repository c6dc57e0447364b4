"""Finding a cell, a task, a diagnostic … by name: the name is the module's name, so a new file is all it takes.

Wherever a name is taken, that of anyone's own module and what is in it is taken too: `package.module:factory`.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from rnnx import references
from rnnx.references import unknown


def names(package: str) -> tuple[str, ...]:
    """The public modules of a package and of the folders in it, sorted; a folder does not become part of a name.

    >>> "lstm" in names("rnnx.cells")
    True
    """
    return tuple(sorted(_modules(package)))


def get(package: str, name: str) -> Any:
    """The object called `name` in the module `package.name`, or what a name such as `my_cells:tricky` refers to.

    Raises:
      ValueError: no such module; the message lists the known names and the nearest one. For one of anyone's own, as
        `rnnx.references.resolve`.

    >>> get("rnnx.cells", "lsmt")
    Traceback (most recent call last):
    ValueError: no cell named 'lsmt'; did you mean 'lstm'? Known: ...
    """
    return references.resolve(name) if references.is_reference(name) else getattr(module(package, name), name)


def module(package: str, name: str) -> ModuleType:
    """The module `name` of a package or of a folder in it; `ValueError` as in `get`."""
    modules = _modules(package)
    if name not in modules:
        kind = package.rpartition(".")[2].removesuffix("s").replace("_", " ")
        raise ValueError(unknown(kind, name, modules))
    return importlib.import_module(modules[name])


def _modules(package: str) -> dict[str, str]:
    """The public modules below a package, `{"adding": "rnnx.tasks.synthetic.adding"}`."""
    modules: dict[str, str] = {}
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        name = found.name.rpartition(".")[2]
        if found.ispkg:
            modules |= _modules(found.name)
        elif not name.startswith("_"):
            modules[name] = found.name
    return modules
