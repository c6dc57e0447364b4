"""What all commands share: flags, and mistakes answered by one line and exit status 2, before anything compiles."""

import functools
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from experiments.config import ConfigError, field_type
from rnnx import registry
from rnnx.data import DataError
from rnnx.logbook.checkpoints import CheckpointError


def start(main: Callable[[], int | None]) -> None:
    """Parse the flags, run `main` and exit with its status."""

    def guarded(arguments: list[str]) -> int | None:
        if len(arguments) > 1:
            fail(f"unexpected argument {arguments[1]!r}: every setting is a flag, --name=value.")
        try:
            return main()
        except (ConfigError, DataError, CheckpointError) as error:
            fail(str(error))
        except OSError as error:  # no room, no permission
            fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
        except KeyboardInterrupt:
            print("interrupted; the same command goes on from the last checkpoints.", file=sys.stderr)
            return 130

    # Trials share a card: none of them, nor this process, may take most of its memory in advance.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    logging.set_verbosity(logging.WARNING)  # jax and orbax report at INFO what nobody asked about
    app.run(guarded, flags_parser=_parse)


def fail(message: str) -> NoReturn:
    """Print one line and exit with status 2."""
    print(f"{Path(sys.argv[0]).stem}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def study() -> tuple[ConfigDict, ModuleType, Path]:
    """The config of `--config` with its overrides, the study file as a module, and its path."""
    path = Path(config_flags.get_config_filename(flags.FLAGS["config"]))
    return flags.FLAGS.config, _load(path), path


def workdir() -> Path:
    """The directory of `--workdir`."""
    if not flags.FLAGS.workdir:
        fail("--workdir is missing: say where results go, for example --workdir=runs/one.")
    path = Path(flags.FLAGS.workdir)
    if path.exists() and not path.is_dir():
        fail(f"--workdir={path} is a file, not a directory.")
    return path


def _parse(argv: list[str]) -> list[str]:
    try:
        if "config" in flags.FLAGS and not any(argument in _HELP for argument in argv):
            _check_config(argv[1:])
        return flags.FLAGS(argv)
    except (flags.Error, ConfigError) as error:
        fail(str(error))
    except (TypeError, ValueError) as error:  # of ml_collections, for a value that is not of its field's type
        fail(f"--config: {error}")


_HELP = ("--help", "-h", "--helpfull", "--helpshort", "--helpxml")


def _check_config(arguments: list[str]) -> None:
    """What ml_collections would answer with a traceback: no file, a broken file, an unknown field."""
    given = [argument.partition("=")[2] for argument in arguments if argument.startswith("--config=")]
    if not given:
        raise ConfigError("--config is missing: say which study, for example --config=configs/gradient_flow.py.")
    path = Path(given[-1])
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else Path("configs")
        known = [str(file) for file in folder.glob("*.py") if file.name != "__init__.py"]
        raise ConfigError(f"--config={path}: {registry.unknown('config file', str(path), known)}")
    module = _load(path)
    try:
        base = module.get_config()
    except Exception as error:  # it is the user's code and may raise anything
        raise ConfigError(f"--config={path}: get_config() failed: {type(error).__name__}: {error}") from None
    for argument in arguments:
        if argument.startswith("--config."):
            field_type(base, argument.removeprefix("--config.").partition("=")[0])


@functools.cache  # needed to check the flags, and again for its `sweep`
def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("study", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"--config={path}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # it is the user's code and may raise anything
        raise ConfigError(f"--config={path} can't be loaded: {type(error).__name__}: {error}") from None
    if not hasattr(module, "get_config"):
        raise ConfigError(f"--config={path} has no get_config().")
    return module
