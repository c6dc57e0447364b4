"""What all commands share: flags, and mistakes answered by one line and exit status 2, before anything compiles.

To load jax takes seconds. So nothing here does it before the flags have been checked, nor does a command: it defines
its flags, and its `main` checks their values and then imports what it needs.
"""

import contextlib
import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from experiments import field_names, sources, usage
from experiments.errors import ConfigError, described
from experiments.sources import ROOT, names
from experiments.studies import grammar
from experiments.trials.signals import Interrupted


def start(main: Callable[[], int | None], *arguments: str, required: Sequence[str] = ()) -> None:
    """Parse the flags, run `main` and exit with its status.

    Args:
      main: the command.
      arguments: what it takes beside flags, by name; most take nothing. See `positional`.
      required: the flags that `--help` names first, since they must be given.
    """

    def guarded(argv: list[str]) -> int | None:
        given = argv[1:]
        if len(given) > len(arguments):
            fail(f"unexpected argument {given[len(arguments)]!r}: every setting is a flag, --name=value.")
        if len(given) < len(arguments):
            fail(f"{arguments[len(given)]} is missing: give {' '.join(f'<{name}>' for name in arguments)}.")
        _positional[:] = given
        try:
            return main()
        except Interrupted as stopped:
            print("interrupted; the same command goes on from the last checkpoints.", file=sys.stderr)
            return stopped.status
        except KeyboardInterrupt:
            print("interrupted.", file=sys.stderr)
            return 130
        except OSError as error:  # no room, no permission
            fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
        except Exception as error:
            if not isinstance(error, _mistakes()):
                raise
            fail(str(error))

    # Trials share a card: none of them, nor this process, may take most of its memory in advance.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    logging.set_verbosity(logging.WARNING)  # jax and orbax report at INFO what nobody asked about
    app.run(guarded, flags_parser=lambda argv: _parse(argv, required, arguments))


def fail(message: str) -> NoReturn:
    """Print one line and exit with status 2."""
    print(f"{Path(sys.argv[0]).stem}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def workdir(missing: str = "say where results go, for example --workdir=runs/one") -> Path:
    """The directory of `--workdir`; where it was not given, `missing` tells what to do."""
    if not flags.FLAGS.workdir:
        fail(f"--workdir is missing: {missing}.")
    directory = path(flags.FLAGS.workdir)
    if directory.exists() and not directory.is_dir():
        fail(f"--workdir={directory} is a file, not a directory.")
    return directory


def path(text: str) -> Path:
    """A path as given, `~` being the user's home: a shell leaves it as it is within a flag."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        fail(f"{text}: there is no such user.")


def config_file() -> Path:
    """The file of `--config`."""
    if not flags.FLAGS.config:
        fail("--config is missing: say which study, for example --config=configs/gradient_flow.py.")
    file = path(flags.FLAGS.config)
    if not file.is_file():
        folders = dict.fromkeys(map(os.path.relpath, (ROOT / "configs", file.parent)))
        # By the names of files: what a folder is called tells nothing.
        known = {other.name: _shown(other) for folder in folders for other in Path(folder).glob("[!_]*.py")}
        nearest = _nearest(file.name, known)
        _unknown("--config", "config file", str(file), known.values(), nearest and known[nearest])
    return file


def check_names() -> None:
    """That what flags name is there, as far as that can be told without jax: a slip is answered at once."""
    known = sources.choices() | {"diagnostics": (*names("rnnx", "diagnostics"), *names("rnnx", "readings"))}
    for flag, field, name in (*_named(), *_swept()):
        if field in known and name:
            choice(flag, field.removesuffix(".name").removesuffix("s"), name, known[field])


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """Say on a terminal what takes a while, as long as it does."""
    if sys.stderr.isatty():
        print(f"{what} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def choice(flag: str, kind: str, given: str, known: Iterable[str]) -> str:
    """One of the known names, or a reference to something of the user's own."""
    known = sorted(known)
    if given not in known and ":" not in given:
        _unknown(flag, kind, given, known, _nearest(given, known))
    return given


def positional() -> list[str]:
    """What was given beside flags."""
    return _positional


def study() -> tuple[ConfigDict, ModuleType, Path]:
    """The config of `--config` with its overrides, the study file as a module, and its path. Loads jax."""
    path = config_file()
    module = _load(path)
    return _overridden(path, module), module, path


def overrides() -> dict[str, str]:
    """The arguments of the form `--config.<field>=…`, each with its field."""
    return {argument: field for argument in sys.argv[1:] if (field := _field(argument)) is not None}


_STUDY = "_study"
"""A study's name as a module, which no other has."""

_positional: list[str] = []


_HELP = ("--help", "-help", "-h", "--helpshort", "--helpfull")


def _parse(argv: list[str], required: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """All flags but `--config.<field>`: which fields there are stands in the study file, and `study` reads it."""
    if any(argument in _HELP for argument in argv[1:]):
        print(usage.text(argv[0], sys.modules["__main__"].__doc__ or "", required, arguments))
        sys.exit(0)
    try:
        return flags.FLAGS([argument for argument in argv if "config" not in flags.FLAGS or _field(argument) is None])
    except flags.UnrecognizedFlagError as error:
        field = field_names.field_called(error.flagname) if "config" in flags.FLAGS else None
        fail(f"--{error.flagname}: no such flag; did you mean --config.{field}?" if field else str(error))
    except flags.Error as error:
        fail(_sentence(error))


def _sentence(error: flags.Error) -> str:
    """What absl says of a flag; where it has left that to Python, in words for a person."""
    said = str(error)
    for words, kind in _OF_PYTHON.items():
        flag, found, _ = said.partition(words)
        if found:
            return f"{flag.removeprefix('flag ').rstrip('(: ')}: it must be {described(kind)}."
    return said


_OF_PYTHON: dict[str, type] = {
    "invalid literal for int()": int,
    "could not convert string to float": float,
    "'Non-boolean argument to boolean flag'": bool,
}


def _named() -> Iterator[tuple[str, str, str]]:
    """The names in flags such as `--config.cell.name=gru`: argument, field, and the name."""
    for argument, field in overrides().items():
        value = argument.partition("=")[2]
        for name in re.findall(r"[^\s,'\"()\[\]]+", value) if field == "diagnostics" else [value]:
            yield argument.partition("=")[0], field, name


def _swept() -> Iterator[tuple[str, str, str]]:
    """Likewise in `--sweep`, if that can be read; if not, it is told once there are types to read it by."""
    spec = flags.FLAGS["sweep"].value if "sweep" in flags.FLAGS else None
    with contextlib.suppress(ConfigError):
        points = grammar.parse(spec, lambda field: str) if spec else []
        yield from dict.fromkeys(("--sweep", field, name) for point in points for field, name in point.items())


def _field(argument: str) -> str | None:
    """The field that an argument such as `--config.seed=3` sets, or `None`."""
    found = re.match(r"--?(?:no)?config\.([^=]*)", argument)
    return found[1] if found else None


def _overridden(path: Path, module: ModuleType) -> ConfigDict:
    from experiments.config import admit, check_fields, field_type

    try:
        base = module.get_config()
        check_fields(base)
    except ConfigError as error:
        fail(f"--config={path}: {error}")
    except Exception as error:  # it is the user's code and may raise anything
        fail(f"--config={path}: get_config() failed: {type(error).__name__}: {error}")
    values = flags.FlagValues()
    try:
        # First of all: which options there are depends on what is named.
        names = [argument.partition("=")[2] for argument, field in overrides().items() if field.endswith(".name")]
        admit(base, " ".join([*names, (flags.FLAGS["sweep"].value or "") if "sweep" in flags.FLAGS else ""]))
        given = [
            _list(argument) if field_type(base, field) is tuple else argument for argument, field in overrides().items()
        ]
        config_flags.DEFINE_config_dict("config", base, flag_values=values, sys_argv=given)
        values([sys.argv[0], *given])
    except flags.Error as error:
        fail(_sentence(error))
    except ConfigError as error:
        fail(str(error))
    except (TypeError, ValueError) as error:  # of ml_collections, for a value that is not of its field's type
        fail(f"--config: {error}")
    return values.config


def _list(argument: str) -> str:
    """`--name=one,other`, the form that all commands have for lists, as the tuple that `ml_collections` reads."""
    name, equals, text = argument.partition("=")
    if not equals or text.startswith(("(", "[", "'", '"')):
        return argument
    return f"{name}={tuple(item.strip() for item in text.split(',') if item.strip())!r}"


def _mistakes() -> tuple[type[Exception], ...]:
    """What commands raise for mistakes of the user's. Loads jax."""
    from rnnx.data import DataError
    from rnnx.logbook.checkpoints import CheckpointError
    from rnnx.logbook.files import DamagedError
    from rnnx.report.study import StudyError

    return ConfigError, DataError, CheckpointError, DamagedError, StudyError


def _unknown(flag: str, kind: str, given: str, known: Iterable[str], nearest: str | None) -> NoReturn:
    """As `rnnx.registry.unknown` says it, without loading jax."""
    hint = f"; did you mean {nearest!r}?" if nearest else "."
    fail(f"{flag}={given}: no {kind} named {given!r}{hint} Known: {', '.join(sorted(known))}.")


def _nearest(given: str, known: Iterable[str]) -> str | None:
    """Of the known names the one most like it, in small letters or capitals."""
    lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(given.lower(), lower, n=1, cutoff=0.5)
    return lower[found[0]] if found else None


def _shown(file: Path) -> str:
    """Relative to where we are, if it is below that."""
    return str(file.resolve() if file.parts[0] == ".." else file)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_STUDY, path)
    if spec is None or spec.loader is None:
        fail(f"--config={path}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    # As for a program: its neighbours can be imported, though none in place of another module, and what asks for the
    # module of a class finds it.
    sys.path.append(str(path.parent.absolute()))
    sys.modules[_STUDY] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        fail(f"--config={path} can't be loaded: {error.filename}:{error.lineno}: SyntaxError: {error.msg}")
    except Exception as error:  # it is the user's code and may raise anything
        from rnnx.references import told_of_file

        fail(f"--config={path} can't be loaded: {told_of_file(str(path), error)}")
    if not hasattr(module, "get_config"):
        fail(f"--config={path} has no get_config().")
    return module
