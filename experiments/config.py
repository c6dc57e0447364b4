"""The settings of a trial: an `ml_collections` dictionary at the command line, a frozen dataclass inside.

The options of a cell or a task are the keyword arguments of its factory, so a new cell brings its own. In the
dictionary each of them stands as an empty placeholder; what is left empty takes the factory's default, and the
dataclass has them all.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh
from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

import rnnx
from rnnx import checks, registry
from rnnx.model import Precision
from rnnx.objective import PLAIN, Objective
from rnnx.settings import flatten
from rnnx.training import Hyperparameters, Program, program
from rnnx.types import Cell, Task

_CHEAP = (
    "state_gradient",
    "input_gradient",
    "weight_gradient",
    "weight_gradient_by_lag",
    "gates",
    "hidden_units",
)
"""Measured during training; what takes longer is for `experiments.analyze`, or to be named in a study."""


class ConfigError(ValueError):
    """A setting that can't be used; the message names the field, the value and the nearest valid choice."""


@dataclasses.dataclass(frozen=True)
class Named:
    """A cell or task by name, its size (hidden units or length), and all its options, so that a record is complete."""

    name: str
    size: int
    options: tuple[tuple[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True)
class Config:
    """All that decides what a trial does. Steps are training steps.

    From `truncate` on: the fields of `rnnx.objective.Objective`, one by one since each is a flag.
    """

    cell: Named
    task: Named
    batch_size: int
    steps: int
    optimizer: str
    learning_rate: float
    clip_norm: float
    """Limit of the global gradient norm; 0 for none."""
    precision: Precision
    seed: int
    log_every: int
    measure_every: int
    measure_batch_size: int
    checkpoint_every: int
    measurements: tuple[str, ...]
    truncate: int
    random_truncation: float
    omega: float
    flossing_steps: int
    flossing_exponents: int

    @property
    def objective(self) -> Objective:
        """What is minimised, and by which gradient."""
        return Objective(*(getattr(self, field) for field in Objective._fields))

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries with the names of the command line, for `config.json`."""
        plain = dataclasses.asdict(self) | {"measurements": list(self.measurements)}
        plain["cell"] = {"name": self.cell.name, "hidden_size": self.cell.size, **dict(self.cell.options)}
        plain["task"] = {"name": self.task.name, "length": self.task.size, **dict(self.task.options)}
        return plain


def default() -> ConfigDict:
    """The settings that every study starts from; a study's `get_config` changes what it needs."""
    return ConfigDict(
        {
            "cell": {"name": "lstm", "hidden_size": 64, **_placeholders(rnnx.cells)},
            "task": {"name": "adding", "length": 64, **_placeholders(rnnx.tasks)},
            "batch_size": 32,
            "steps": 1000,
            "optimizer": "adam",
            "learning_rate": 3e-3,
            "clip_norm": 1.0,
            "precision": "float32",
            "seed": 0,
            "log_every": 50,
            "measure_every": 200,
            "measure_batch_size": 128,
            "checkpoint_every": 500,
            "measurements": _CHEAP,
            **PLAIN._asdict(),
        }
    )


def parse(given: ConfigDict) -> Config:
    """Check every field.

    Raises:
      ConfigError: the first field that can't be used.
    """
    try:
        config = Config(
            cell=_named(given, "cell", "hidden_size", rnnx.cells),
            task=_named(given, "task", "length", rnnx.tasks),
            batch_size=checks.size("batch_size", given.batch_size),
            steps=checks.size("steps", given.steps),
            optimizer=given.optimizer,
            learning_rate=checks.number("learning_rate", given.learning_rate, above=0),
            clip_norm=_not_negative("clip_norm", given.clip_norm),
            precision=given.precision,
            seed=checks.size("seed", given.seed, least=0),
            log_every=checks.size("log_every", given.log_every),
            measure_every=checks.size("measure_every", given.measure_every),
            measure_batch_size=checks.size("measure_batch_size", given.measure_batch_size),
            checkpoint_every=checks.size("checkpoint_every", given.checkpoint_every),
            measurements=tuple(
                checks.choice("measurement", name, rnnx.diagnostics.names()) for name in given.measurements
            ),
            **{field: given[field] for field in Objective._fields},
        )
        for field in ("steps", "measure_every", "checkpoint_every"):
            if getattr(config, field) % config.log_every:
                raise ValueError(
                    f"{field} must be a multiple of log_every ({config.log_every}), not {getattr(config, field)}."
                )
        _trace(without_hyperparameters(config))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return config


def restore(settings: dict[str, Any]) -> Config:
    """The config that a record tells of, flat; a setting that did not exist then takes the default, as it did then.

    Raises:
      ConfigError: it is not one of this version of rnnx, as where a cell is gone.
    """
    given = default()
    for field, value in settings.items():
        field_type(given, field)
        if value is not None:
            given.update_from_flattened_dict({field: value})
    return parse(given)


def cell(config: Config) -> Cell:
    """The cell that a config names."""
    return rnnx.cells.get(config.cell.name)(config.cell.size, **dict(config.cell.options))


def task(config: Config) -> Task:
    """The task that a config names."""
    return rnnx.tasks.get(config.task.name)(**dict(config.task.options))


def build(config: Config, mesh: Mesh | None = None) -> Program:
    """The functions that train and measure what a config names; `mesh` as in `rnnx.training.program`."""
    return program(
        cell(config),
        task(config),
        length=config.task.size,
        batch_size=config.batch_size,
        steps_per_dispatch=config.log_every,
        measure_batch_size=config.measure_batch_size,
        measurements=config.measurements,
        optimizer=config.optimizer,
        precision=config.precision,
        objective=config.objective,
        mesh=mesh,
    )


def hyperparameters(config: Config) -> Hyperparameters:
    """What trials of one compiled program may differ in."""
    return Hyperparameters(config.seed, config.learning_rate, config.clip_norm or math.inf)


def without_hyperparameters(config: Config) -> Config:
    """The same for all configs that differ in nothing but those."""
    return dataclasses.replace(config, seed=0, learning_rate=1.0, clip_norm=0.0)


def alike(config: Config) -> Config:
    """The same for all configs that one compiled program trains: what they may differ in is at its default.

    Beside the hyperparameters that is what decides initial values alone, since those are an input of the program.
    """
    defaults = _options(rnnx.cells.get(config.cell.name))
    options = {name: defaults[name].default if _initial(name) else value for name, value in config.cell.options}
    cell = dataclasses.replace(config.cell, options=tuple(options.items()))
    return dataclasses.replace(without_hyperparameters(config), cell=cell)


def field_type(base: ConfigDict, field: str) -> type:
    """The type of a field such as `cell.name`.

    Raises:
      ConfigError: there is no such field.
    """
    known = flatten(base.to_dict())
    if field not in known:
        raise ConfigError(registry.unknown("config field", field, known))
    section, _, leaf = field.rpartition(".")
    return (base[section] if section else base).get_type(leaf)


def difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The fields in which two nested configurations differ, with both values, as one line."""
    a, b = flatten(one), flatten(other)
    fields = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} ({a.get(name, 'not set')} there, {b.get(name, 'not set')} here)" for name in fields)


@functools.lru_cache(maxsize=256)  # a sweep has many trials of a kind, and each would take a tenth of a second
def _trace(config: Config) -> None:
    """Trace and do not compute: what does not suit the task's inputs is found before anything compiles."""
    build(config)
    sample = task(config).sample
    jax.eval_shape(lambda: sample(jax.random.key(0), config.batch_size, config.task.size))


def _not_negative(name: str, value: Any) -> float:
    if checks.number(name, value) < 0:
        raise ValueError(f"{name} must be a number of at least 0, where 0 is for none, not {value!r}.")
    return float(value)


def _initial(option: str) -> bool:
    """Whether an option of a cell decides its initial parameters and nothing else."""
    return option.endswith("_initializer") or option == "forget_bias"


def _options(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only arguments of a factory."""
    parameters = inspect.signature(factory).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}


def _placeholders(package: Any) -> dict[str, Any]:
    """Every option of every cell (or task), empty, of the type of its default."""
    options: dict[str, inspect.Parameter] = {}
    for name in package.names():
        options |= _options(package.get(name))
    return {name: placeholder(type(parameter.default)) for name, parameter in options.items()}


def _named(given: ConfigDict, field: str, size_field: str, package: Any) -> Named:
    section = given[field].to_dict()
    name, size = section.pop("name"), section.pop(size_field)
    factory = package.get(name)
    checks.size(f"{field}.{size_field}", size)
    options = {option: parameter.default for option, parameter in _options(factory).items()}
    for option, value in section.items():
        if value is not None and option not in options:
            takes = f"takes {', '.join(options)}" if options else "takes no options"
            raise ValueError(f"{field}.{option} = {value!r}: the {field} {name!r} has no such option; it {takes}.")
        if value is not None:
            options[option] = value
    return Named(name, size, tuple(sorted(options.items())))
