"""What `--help` prints: the flags of a command, those that must be given first, and every setting of a config."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from absl import flags

from experiments import sources
from experiments.sources import Field

WIDTH = 80
"""Columns."""

_MARGIN = 28
"""Columns of the names."""

_VALUES = {"config": "FILE", "from": "DIR", "output": "PATH", "prompt_file": "FILE", "workdir": "DIR"}
"""What a flag that takes a text takes, where it has a name."""

_KINDS = {"int": "INT", "float": "FLOAT", "bool": "BOOL", "tuple": "NAME,NAME"}

_REPEATED = "repeat this option to specify a list of values"
"""What absl adds by itself."""

_SECTIONS = {
    "cell": "Cell: what runs over time",
    "model": "Model: what the cell is part of",
    "task": "Task: what is learnt",
    "": "Training, measuring and saving",
    "schedule": "Schedule of the learning rate, by which it is multiplied",
    "objective": "Objective: what is minimised, and by which gradient",
}


def text(program: str, told: str, required: Sequence[str], arguments: Sequence[str]) -> str:
    """All of it.

    Args:
      program: the file of the command, by which absl knows its flags.
      told: its docstring: what it does, and examples after a line `Examples:`.
      required: the flags that must be given.
      arguments: what must be given beside flags.
    """
    known = flags.FLAGS.get_flags_for_module(program)
    needed = [flag for name in required for flag in known if flag.name == name]
    given = [_flag(flag).strip() for flag in needed] + [f"<{name}>" for name in arguments]
    others = [flag for flag in known if flag not in needed]
    configurable = any(flag.name == "config" for flag in known)
    optional = ["[--flag=…]", *(["[--config.setting=…]"] if configurable else [])]
    line = " ".join([f"usage: python -m experiments.{Path(program).stem}", *given, *optional])
    about, _, examples = told.partition("\n\nExamples:\n\n")
    parts = [
        *_wrapped(line, WIDTH, subsequent_indent="    "),
        "",
        *_paragraphs(about),
    ]
    if needed:
        parts += ["", "required:", *_rows(map(_told, needed))]
    parts += ["", "flags:", *_rows(map(_told, others))]
    if configurable:
        parts += ["", *_settings()]
    return "\n".join([*parts, "", "examples:", *examples.rstrip().splitlines()])


def _told(flag: flags.Flag) -> tuple[str, str]:
    """A flag's name with what it takes, and what it does with its default."""
    what = " ".join((flag.help or "").removesuffix(_REPEATED).rstrip("; \n").split())
    if isinstance(flag, flags.EnumFlag):
        what = what.partition(">: ")[2]  # its values, which stand with the name
    none = flag.default in (None, [], "", 0)
    return _flag(flag), what if none else f"{what} [{flag.default}]"


def _flag(flag: flags.Flag) -> str:
    if flag.boolean:
        return f"--[no]{flag.name}" if flag.default else f"--{flag.name}"
    kind = flag.flag_type()
    if isinstance(flag, flags.EnumFlag):
        return f"--{flag.name}={'|'.join(flag.parser.enum_values)}"
    return f"--{flag.name}={_VALUES.get(flag.name) or _KINDS.get(kind, 'TEXT')}"


def _settings() -> Iterator[str]:
    yield from _wrapped(
        "settings, each of which is a flag, such as --config.cell.name=gru, with its default in brackets; a study file "
        "may have another, and run --dry_run prints them as they are:",
        WIDTH,
    )
    for section, title in _SECTIONS.items():
        yield ""
        yield f" {title}"
        yield from _rows(_setting(field) for field in sources.fields() if field.section == section)


def _setting(field: Field) -> tuple[str, str]:
    kind = "NAME" if field.choices and field.kind == "str" else _KINDS.get(field.kind, "TEXT")
    told = field.text
    if field.choices:
        own = field.name in ("diagnostics", *(f"{section}.name" for section in sources.FACTORIES))
        of = [*map(str, field.choices), *(["module:name of your own"] if own else [])]
        told = f"{told} One of {', '.join(of[:-1])} or {of[-1]}."
    return f"{field.name}={kind}", told + _default(field)


def _default(field: Field) -> str:
    if field.default is None or field.default == "":
        return ""
    value = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
    return f" [{value}]"


def _rows(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names in a column, and beside each what is told of it; a long name has a line of its own."""
    for name, told in pairs:
        lines = _wrapped(told, WIDTH - _MARGIN) or [""]
        if len(name) > _MARGIN - 4:
            yield f"  {name}"
        else:
            yield f"  {name:{_MARGIN - 2}}{lines.pop(0)}"
        yield from (f"{'':{_MARGIN}}{line}" for line in lines)


def _paragraphs(told: str) -> Iterator[str]:
    for number, paragraph in enumerate(told.strip().split("\n\n")):
        if number:
            yield ""
        yield from _wrapped(paragraph, WIDTH)


def _wrapped(told: str, width: int, subsequent_indent: str = "") -> list[str]:
    """Lines, in none of which a name is cut."""
    return textwrap.wrap(
        told, width, subsequent_indent=subsequent_indent, break_on_hyphens=False, break_long_words=False
    )
