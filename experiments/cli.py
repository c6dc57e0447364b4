"""What all commands share: flags, and mistakes answered by one line and exit status 2, before anything compiles.

To load jax takes seconds. So nothing here does it before the flags have been checked, nor does a command: it defines
its flags, and its `main` checks their values and then imports what it needs.
"""

import ast
import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from experiments.trials.signals import Interrupted


def start(main: Callable[[], int | None], *arguments: str) -> None:
    """Parse the flags, run `main` and exit with its status.

    Args:
      main: the command.
      arguments: what it takes beside flags, by name; most take nothing. See `positional`.
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
    app.run(guarded, flags_parser=_parse)


def fail(message: str) -> NoReturn:
    """Print one line and exit with status 2."""
    print(f"{Path(sys.argv[0]).stem}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def workdir() -> Path:
    """The directory of `--workdir`."""
    if not flags.FLAGS.workdir:
        fail("--workdir is missing: say where results go, for example --workdir=runs/one.")
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
        folders = dict.fromkeys(map(os.path.relpath, (_ROOT / "configs", file.parent)))
        # By the names of files: what a folder is called tells nothing.
        known = {other.name: _shown(other) for folder in folders for other in Path(folder).glob("[!_]*.py")}
        nearest = _nearest(file.name, known)
        _unknown("--config", "config file", str(file), known.values(), nearest and known[nearest])
    return file


def choice(flag: str, kind: str, given: str, known: Iterable[str]) -> str:
    """One of the known names, or a reference to something of the user's own."""
    known = sorted(known)
    if given not in known and ":" not in given:
        _unknown(flag, kind, given, known, _nearest(given, known))
    return given


def names(*folder: str) -> list[str]:
    """The names of what has a file each in a folder, as `rnnx.registry.names` tells them, which loads jax.

    >>> "local" in names("experiments", "executors")
    True
    """
    return sorted(file.stem for file in _files(*folder))


def _files(*folder: str) -> list[Path]:
    return [file for file in _ROOT.joinpath(*folder).rglob("*.py") if not file.name.startswith("_")]


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


_ROOT = Path(__file__).parents[1]

_STUDY = "_study"
"""A study's name as a module, which no other has."""

_positional: list[str] = []


def _parse(argv: list[str]) -> list[str]:
    """All flags but `--config.<field>`: which fields there are stands in the study file, and `study` reads it."""
    try:
        return flags.FLAGS([argument for argument in argv if "config" not in flags.FLAGS or _field(argument) is None])
    except flags.UnrecognizedFlagError as error:
        field = _nearest_field(error.flagname) if "config" in flags.FLAGS else None
        fail(f"--{error.flagname}: no such flag; did you mean --config.{field}?" if field else str(error))
    except flags.Error as error:
        fail(str(error))
    except SystemExit:  # after --help, which absl gives the status of a failure
        sys.exit(0)


def _field(argument: str) -> str | None:
    """The field that an argument such as `--config.seed=3` sets, or `None`."""
    found = re.match(r"--?(?:no)?config\.([^=]*)", argument)
    return found[1] if found else None


def _overridden(path: Path, module: ModuleType) -> ConfigDict:
    from experiments.config import ConfigError, admit, check_fields, field_type

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
    except (flags.Error, ConfigError) as error:
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
    from experiments.config import ConfigError
    from rnnx.data import DataError
    from rnnx.logbook.checkpoints import CheckpointError
    from rnnx.logbook.files import DamagedError
    from rnnx.report.study import StudyError

    return ConfigError, DataError, CheckpointError, DamagedError, StudyError


def _unknown(flag: str, kind: str, given: str, known: Iterable[str], nearest: str | None) -> NoReturn:
    """As `rnnx.registry.unknown` says it, without loading jax."""
    hint = f"; did you mean {nearest!r}?" if nearest else "."
    fail(f"{flag}={given}: no {kind} named {given!r}{hint} Known: {', '.join(sorted(known))}.")


def _nearest(given: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Of the known names the one most like it, in small letters or capitals."""
    lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(given.lower(), lower, n=1, cutoff=cutoff)
    return lower[found[0]] if found else None


def _nearest_field(flag: str) -> str | None:
    """The field that was likely meant by a flag such as `--learning_rate` or `--cell.nam`."""
    fields = {name: field for field in _fields() for name in (field, field.rpartition(".")[2])}
    nearest = _nearest(flag, fields, cutoff=0.8)
    return fields[nearest] if nearest else None


def _fields() -> Iterator[str]:
    """Those of `experiments.config.default`, read from the sources, since that loads jax."""

    def definitions(file: Path) -> list[ast.stmt]:
        return ast.parse(file.read_text(encoding="utf-8")).body

    def annotated(file: Path, name: str) -> Iterator[str]:
        """The fields of a class."""
        for definition in definitions(file):
            if isinstance(definition, ast.ClassDef) and definition.name == name:
                targets = [field.target for field in definition.body if isinstance(field, ast.AnnAssign)]
                yield from (target.id for target in targets if isinstance(target, ast.Name))

    sections = ("cell", "model", "task")
    for field in annotated(_ROOT / "experiments" / "config.py", "Config"):
        if field not in (*sections, "schedule", "objective", "length"):
            yield field
    for field in annotated(_ROOT / "rnnx" / "training" / "objective.py", "Objective"):
        yield f"objective.{field}"
    yield from ("cell.hidden_size", "task.length", "schedule.name")
    for definition in definitions(_ROOT / "rnnx" / "training" / "schedules.py"):
        if isinstance(definition, ast.FunctionDef):
            yield from (f"schedule.{option.arg}" for option in definition.args.kwonlyargs)
    for section in sections:
        yield f"{section}.name"
        for file in _files("rnnx", f"{section}s"):
            factory = file.stem.title().replace("_", "") if section == "model" else file.stem
            for definition in definitions(file):
                # A model is a class, of whose making `__init__` has the arguments.
                inside = definition.body if isinstance(definition, ast.ClassDef) else [definition]
                called = "__init__" if isinstance(definition, ast.ClassDef) else factory
                if getattr(definition, "name", None) == factory:
                    makers = [d for d in inside if isinstance(d, ast.FunctionDef) and d.name == called]
                    options = [option.arg for maker in makers for option in maker.args.kwonlyargs]
                    yield from (f"{section}.{option}" for option in options if option != "rngs")


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
