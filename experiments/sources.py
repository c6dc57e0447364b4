"""What can be named in a config, and its fields, read from the sources, since importing them loads jax."""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]

FACTORIES = ("cell", "model", "task")
"""The sections of what has a file each, whose options are the arguments of its factory."""

_USUAL = {"cell": "lstm", "model": "sequence", "task": "adding"}
"""Whose words are taken for an option that several have."""


class Field(NamedTuple):
    """A field of a config, as it is told of at the command line."""

    name: str
    """With its section, `cell.forget_bias`."""
    kind: str
    """The Python type that it has, by name: `int`, `float`, `bool`, `str`, `tuple`."""
    default: Any
    """`None` where there is none; as a text where it is computed, or each factory has its own."""
    text: str
    """One sentence, with what it is an option of, if that is not all there is."""
    choices: tuple[str, ...] = ()
    """What it may be, where that is a list of names."""

    @property
    def section(self) -> str:
        """The part of the name before the dot; empty where there is none."""
        return self.name.rpartition(".")[0]


def names(*folder: str) -> list[str]:
    """The names of what has a file each in a folder, as `rnnx.registry.names` tells them, which loads jax.

    >>> "local" in names("experiments", "executors")
    True
    """
    return sorted(file.stem for file in _files(*folder))


def choices() -> dict[str, tuple[str, ...]]:
    """The names that fields may have, by field.

    >>> choices()["optimizer"]
    ('adagrad', 'adam', 'adamw', 'rmsprop', 'sgd')
    """
    training = ROOT / "rnnx" / "training"
    (precisions,) = (_literals(node) for name, node in _assigned(training / "runs.py") if name == "Precision")
    return {
        **{f"{section}.name": tuple(names("rnnx", f"{section}s")) for section in FACTORIES},
        "optimizer": _keys(training / "optimizers.py", "OPTIMIZERS"),
        "schedule.name": tuple(sorted(maker.name for maker in _schedules())),
        "precision": precisions,
        "engine": ("auto", *names("rnnx", "engines")),
        "diagnostics": tuple(names("rnnx", "diagnostics")),
    }


@functools.cache
def fields() -> tuple[Field, ...]:
    """Those of `experiments.config.default`, section by section, without the options of anyone's own factories.

    >>> next(field for field in fields() if field.name == "steps")
    Field(name='steps', kind='int', default=1000, text='Training steps.', choices=())
    """
    config, known = ROOT / "experiments" / "config.py", choices()
    defaults = _defaults(config)

    def told(name: str, kind: str, default: Any, text: str) -> Field:
        return Field(name, kind, defaults.get(name, default), _sentence(text), known.get(name, ()))

    plain = [
        told(name, kind, None, text)
        for name, kind, _, text in _attributes(config, "Config")
        if name not in (*FACTORIES, "length", "schedule", "objective")
    ]
    named = {section: told(f"{section}.name", "str", None, f"Which {section}.") for section in (*FACTORIES, "schedule")}
    named["model"] = named["model"]._replace(text="Which model; the task's own if none is named.")
    size = told("cell.hidden_size", "int", None, "Units of a cell, H.")
    length = told("task.length", "int", None, next(t for n, _, _, t in _attributes(config, "Config") if n == "length"))
    objective = [
        told(f"objective.{name}", kind, default, text)
        for name, kind, default, text in _attributes(ROOT / "rnnx" / "training" / "objective.py", "Objective")
    ]
    return (
        *(named["cell"], size, *_options("cell", _makers("cell"))),
        *(named["model"], *_options("model", _makers("model"))),
        *(named["task"], length, *_options("task", _makers("task"))),
        *plain,
        *(named["schedule"], *_options("schedule", ((maker.name, maker, maker) for maker in _schedules()))),
        *objective,
    )


def _options(section: str, makers: Iterable[tuple[str, ast.FunctionDef, ast.AST]]) -> Iterator[Field]:
    """The keyword arguments of all factories of a section, each once."""
    having: defaultdict[str, dict[str, Field]] = defaultdict(dict)
    every = []
    for maker, function, documented in makers:
        every.append(maker)
        texts = _arguments(ast.get_docstring(documented) or "")  # type: ignore[arg-type]
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            value = None if default is None else _constant(default)
            shown = value if value is not None or default is None else _unparsed(default)
            annotation = ast.unparse(argument.annotation) if argument.annotation else ""
            having[argument.arg][maker] = Field(
                f"{section}.{argument.arg}",
                type(value).__name__ if value is not None else "str" if "str" in annotation else annotation,
                shown,
                _sentence(texts.get(argument.arg, "")),
                _literals(argument.annotation),
            )
    for option, told in having.items():
        if option in ("rngs", "hidden_size"):
            continue
        field = told.get(_USUAL.get(section, "")) or next(iter(told.values()))
        defaults = list(dict.fromkeys(other.default for other in (field, *told.values())))
        of = f"Of {', '.join(sorted(told))}: " if len(told) < len(every) else ""
        text = f"{of}{field.text}" if of else field.text[:1].upper() + field.text[1:]
        yield field._replace(
            text=text, default=field.default if defaults == [field.default] else " or ".join(map(str, defaults))
        )


def _makers(section: str) -> Iterator[tuple[str, ast.FunctionDef, ast.AST]]:
    """Name and factory of each cell, model or task, and what has its docstring: of a model, a class, not `__init__`."""
    for file in _files("rnnx", f"{section}s"):
        factory = file.stem.title().replace("_", "") if section == "model" else file.stem
        for definition in _statements(file):
            if isinstance(definition, ast.FunctionDef) and definition.name == factory:
                yield file.stem, definition, definition
            if isinstance(definition, ast.ClassDef) and definition.name == factory:
                for inside in definition.body:
                    if isinstance(inside, ast.FunctionDef) and inside.name == "__init__":
                        yield file.stem, inside, definition


def _schedules() -> list[ast.FunctionDef]:
    """The factories of schedules of the learning rate, which have a file together."""
    made = (node for node in _statements(ROOT / "rnnx" / "training" / "schedules.py"))
    return [
        node
        for node in made
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _unparsed(node.returns) == "Schedule"
    ]


def _files(*folder: str) -> list[Path]:
    return sorted(file for file in ROOT.joinpath(*folder).rglob("*.py") if not file.name.startswith("_"))


@functools.cache
def _statements(file: Path) -> list[ast.stmt]:
    return ast.parse(file.read_text(encoding="utf-8")).body


def _attributes(file: Path, name: str) -> Iterator[tuple[str, str, Any, str]]:
    """Name, type, default and docstring of the fields of a class."""
    (body,) = (node.body for node in _statements(file) if isinstance(node, ast.ClassDef) and node.name == name)
    for field, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = _constant(after.value) if isinstance(after, ast.Expr) else ""
            kind = _unparsed(field.annotation).partition("[")[0]
            value = _constant(field.value) if field.value else None
            yield field.target.id, kind if kind in ("int", "float", "bool", "tuple") else "str", value, text


def _defaults(file: Path) -> dict[str, Any]:
    """Those that `experiments.config.default` gives by itself, by field."""
    (body,) = (node for node in _statements(file) if isinstance(node, ast.FunctionDef) and node.name == "default")
    (outermost, *_) = (node for node in ast.walk(body) if isinstance(node, ast.Dict))
    known = {name: node for module in (file, file.with_name("build.py")) for name, node in _assigned(module)}

    def pairs(node: ast.Dict, prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:  # the placeholders
                continue
            name = f"{prefix}{_constant(key)}"
            inside = value.args[0] if isinstance(value, ast.Call) and value.args else None
            if isinstance(inside, ast.Dict):
                yield from pairs(inside, f"{name}.")
            else:
                leaf = _unparsed(value).rpartition(".")[2]
                yield name, _constant(known.get(leaf, value))

    return {name: value for name, value in pairs(outermost, "") if value is not None}


def _assigned(file: Path) -> Iterator[tuple[str, ast.expr]]:
    for node in _statements(file):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _keys(file: Path, name: str) -> tuple[str, ...]:
    (keys,) = (node.keys for other, node in _assigned(file) if other == name and isinstance(node, ast.Dict))
    return tuple(sorted(_constant(key) for key in keys if key))


def _literals(node: ast.AST | None) -> tuple[str, ...]:
    """The values of `Literal[…]`; none of another annotation."""
    if isinstance(node, ast.Subscript) and _unparsed(node.value) == "Literal":
        values = _constant(node.slice)
        return values if isinstance(values, tuple) else (values,)
    return ()


def _constant(node: ast.AST) -> Any:
    """The value of a literal, `None` for anything else."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _unparsed(node: ast.AST | None) -> str:
    return ast.unparse(node) if node else ""


def _arguments(docstring: str) -> dict[str, str]:
    """What the section `Args:` of a docstring says, by argument."""
    _, _, section = docstring.partition("\nArgs:\n")
    told: dict[str, str] = {}
    names: list[str] = []
    for line in section.split("\n\n")[0].splitlines():
        if not line.startswith("    "):
            head, _, text = line.strip().partition(": ")
            names = head.split(", ")
            told |= dict.fromkeys(names, text)
        else:
            told |= {name: f"{told[name]} {line.strip()}" for name in names}
    return told


def _sentence(text: str) -> str:
    """The first one, on one line."""
    return re.split(r"(?<!et al)\. ", " ".join(text.split()))[0].rstrip(".") + "." if text else ""
