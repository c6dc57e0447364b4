"""What all commands share: flags, and mistakes answered by one line and exit status 2, before anything compiles.

To load jax takes seconds. So nothing here does it before the flags have been checked, nor does a command: it defines
its flags, and its `main` checks their values and then imports what it needs.
"""

import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from experiments.interruption import Interrupted


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
    path = Path(flags.FLAGS.workdir)
    if path.exists() and not path.is_dir():
        fail(f"--workdir={path} is a file, not a directory.")
    return path


def config_file() -> Path:
    """The file of `--config`."""
    if not flags.FLAGS.config:
        fail("--config is missing: say which study, for example --config=configs/gradient_flow.py.")
    path = Path(flags.FLAGS.config)
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else Path("configs")
        known = [str(file) for file in folder.glob("*.py") if file.name != "__init__.py"]
        _unknown("--config", "config file", str(path), known)
    return path


def choice(flag: str, kind: str, given: str, known: Iterable[str]) -> str:
    """One of the known names."""
    known = sorted(known)
    if given not in known:
        _unknown(flag, kind, given, known)
    return given


def names(*folder: str) -> list[str]:
    """The names of what has a file each in a folder, as `rnnx.registry.names` tells them, which loads jax.

    >>> "local" in names("experiments", "executors")
    True
    """
    files = Path(__file__).parents[1].joinpath(*folder).glob("*.py")
    return sorted(file.stem for file in files if not file.name.startswith("_"))


def positional() -> list[str]:
    """What was given beside flags."""
    return _positional


def study() -> tuple[ConfigDict, ModuleType, Path]:
    """The config of `--config` with its overrides, the study file as a module, and its path. Loads jax."""
    path = config_file()
    module = _load(path)
    return _overridden(path, module), module, path


_positional: list[str] = []


def _parse(argv: list[str]) -> list[str]:
    """All flags but `--config.<field>`: which fields there are stands in the study file, and `study` reads it."""
    try:
        return flags.FLAGS([argument for argument in argv if "config" not in flags.FLAGS or _field(argument) is None])
    except flags.Error as error:
        fail(str(error))
    except SystemExit:  # after --help, which absl gives the status of a failure
        sys.exit(0)


def _field(argument: str) -> str | None:
    """The field that an argument such as `--config.seed=3` sets, or `None`."""
    found = re.match(r"--?(?:no)?config\.([^=]*)", argument)
    return found[1] if found else None


def _overridden(path: Path, module: ModuleType) -> ConfigDict:
    from experiments.config import ConfigError, field_type

    fields = {argument: field for argument in sys.argv[1:] if (field := _field(argument)) is not None}
    try:
        base = module.get_config()
    except Exception as error:  # it is the user's code and may raise anything
        fail(f"--config={path}: get_config() failed: {type(error).__name__}: {error}")
    values = flags.FlagValues()
    try:
        for field in fields.values():
            field_type(base, field)
        config_flags.DEFINE_config_dict("config", base, flag_values=values, sys_argv=list(fields))
        values([sys.argv[0], *fields])
    except (flags.Error, ConfigError) as error:
        fail(str(error))
    except (TypeError, ValueError) as error:  # of ml_collections, for a value that is not of its field's type
        fail(f"--config: {error}")
    return values.config


def _mistakes() -> tuple[type[Exception], ...]:
    """What commands raise for mistakes of the user's. Loads jax."""
    from experiments.config import ConfigError
    from rnnx.data import DataError
    from rnnx.logbook.checkpoints import CheckpointError

    return ConfigError, DataError, CheckpointError


def _unknown(flag: str, kind: str, given: str, known: list[str]) -> NoReturn:
    """As `rnnx.registry.unknown` says it, without loading jax."""
    nearest = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    fail(f"{flag}={given}: no {kind} named {given!r}{hint} Known: {', '.join(sorted(known))}.")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("study", path)
    if spec is None or spec.loader is None:
        fail(f"--config={path}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # it is the user's code and may raise anything
        fail(f"--config={path} can't be loaded: {type(error).__name__}: {error}")
    if not hasattr(module, "get_config"):
        fail(f"--config={path} has no get_config().")
    return module
