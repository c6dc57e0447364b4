"""The reference: a page for each module and package of rnnx, filled by mkdocstrings with signatures and docstrings."""

import ast
import importlib
import pkgutil
from pathlib import Path

import rnnx

FOLDER = "reference"
_OLD_NAME = "evidence"  # of what stands there under its new one


def children(package: str = "rnnx") -> list[str]:
    """The public modules and packages in a package, by their whole names.

    >>> "rnnx.cells" in children(), "rnnx.own_steps" in children(), "rnnx.engines._linear" in children("rnnx.engines")
    (True, True, False)
    """
    found = pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
    return sorted(one.name for one in found if not one.name.rpartition(".")[2].startswith("_"))


def below(name: str) -> list[str]:
    """A module, and with it all public ones in it where it is a package, in the order of their page."""
    module = importlib.util.find_spec(name)
    if module is None or module.submodule_search_locations is None:
        return [name]
    return [name, *(one for child in children(name) for one in below(child))]


def first_sentence(name: str) -> str:
    """What a module says of itself in its first sentence; read, not imported."""
    spec = importlib.util.find_spec(name)
    source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    paragraph = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")[0].replace("\n", " ")
    return paragraph.partition(". ")[0].rstrip(".:") + "." if paragraph else ""


def page(name: str) -> str:
    """Markdown of the page of a module or package."""
    first, *others = below(name)
    heading = f"::: {first}\n    options:\n      heading_level: 1"
    return "\n\n".join([heading, *(f"::: {module}" for module in others)]) + "\n"


def address(path: str) -> str | None:
    """Where the reference has a module, by its path in the repository; `None` if it has not.

    >>> address("rnnx/cells/lstm.py"), address("rnnx/dynamics"), address("rnnx/engines/_linear.py")
    ('reference/rnnx.cells.md#rnnx.cells.lstm', 'reference/rnnx.dynamics.md', None)
    """
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    page = ".".join(name.split(".")[:2])
    if name == "rnnx":
        return f"{FOLDER}/index.md"
    if page not in children() or name not in below(page):
        return None
    return f"{FOLDER}/{page}.md" + ("" if name == page else f"#{name}")


def index() -> str:
    """Markdown of the first page: the names in `rnnx` itself, and what there is in each module."""
    names = ", ".join(f"[`{name}`][rnnx.{name}]" for name in rnnx.__all__ if name != _OLD_NAME)
    rows = "\n".join(f"| [`{name}`]({name}.md) | {first_sentence(name)} |" for name in children())
    return f"""# Reference

What `rnnx` itself holds: {names}.

Each module has a page; a package has its modules on one. What begins with `_` is no part of the interface.

| module | |
| --- | --- |
{rows}
"""


def pages() -> dict[str, str]:
    """Markdown by path."""
    return {f"{FOLDER}/index.md": index()} | {f"{FOLDER}/{name}.md": page(name) for name in children()}


def nav() -> list[str | dict[str, str]]:
    """The entries of the site's navigation, the first page first."""
    return [f"{FOLDER}/index.md", *({name: f"{FOLDER}/{name}.md"} for name in children())]
