"""The settings of a trial: an `ml_collections` dictionary at the command line, a frozen dataclass inside.

The sections `cell`, `model`, `task` and `schedule` hold a name and the keyword arguments of the factory of that name,
so a new one brings its own. In the dictionary each of them stands as an empty placeholder; what is left empty takes
the factory's default, and the dataclass has them all. `optimizer` is a name alone, as it always was on the command
line: what optimisers take (`learning_rate`, `weight_decay`, `momentum`) stands beside it, since trials that differ in
it share a program.
"""

import dataclasses
import difflib
import functools
import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

import rnnx
from experiments import build
from experiments.errors import ConfigError
from experiments.field_names import CALLED_ELSEWHERE
from rnnx import checks, registry
from rnnx.pytrees import flatten_dict
from rnnx.references import is_reference, resolve
from rnnx.training import schedules
from rnnx.training.objective import PLAIN, Objective
from rnnx.training.optimizers import HAVE, OPTIMIZERS
from rnnx.training.runs import Precision

FACTORIES = ("cell", "model", "task")
"""The sections that hold a name and the options of what is so called."""

_CHEAP = (
    "state_gradient",
    "input_gradient",
    "weight_gradient",
    "weight_gradient_by_lag",
    "gates",
    "hidden_units",
    "attention",
)
"""Measured during training; what takes longer is for `experiments.analyze`, or to be named in a study."""


class Settings(ConfigDict):
    """A `ConfigDict` that says in our words which field there is not, and takes NumPy's scalars as numbers."""

    def __setitem__(self, key: str, value: Any) -> None:
        if self.is_locked and key not in self:
            raise _unknown(key, self.keys())
        super().__setitem__(key, plain(value))


class Factory(Settings):
    """The settings of a cell, model or task, to whose fields the options are added of one of anyone's own."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key == "name" and is_reference(value):
            self.admit(value)

    def admit(self, reference: str) -> None:
        """Add the options of what a reference refers to, empty, each of the type of its default.

        Raises:
          ConfigError: it refers to nothing.
        """
        try:
            options = build.options(resolve(reference))
        except ValueError as error:
            raise ConfigError(str(error)) from None
        with self.unlocked():
            for option, parameter in options.items():
                if self.get(option) is None:  # it may be that of another factory, and of another type
                    if option in self:
                        del self[option]
                    self[option] = placeholder(_type_of(parameter))


@dataclasses.dataclass(frozen=True)
class Section:
    """A cell, model, task or schedule by name, with all arguments of its factory, so that a record is complete."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the settings."""
        return {"name": self.name, **dict(self.options)}


@dataclasses.dataclass(frozen=True)
class Config:
    """All that decides what a trial does. Steps are training steps."""

    cell: Section
    model: Section
    task: Section
    length: int
    """Steps of time in a sequence, T. It is `task.length` in the settings."""
    batch_size: int
    """Examples in a batch to train on."""
    steps: int
    """Training steps."""
    optimizer: str
    """What makes updates of the gradient."""
    learning_rate: float
    """Size of an update; `schedule` multiplies it."""
    schedule: Section
    """Of the learning rate, which it multiplies."""
    weight_decay: float
    """Of `adamw`: the share of the parameters, times the learning rate, that each step takes from them; 1e-4 if none is
    named."""
    momentum: float
    """Of `sgd`: how much of the step before is in the next one."""
    l2: str
    """L2 penalty of groups of parameters, such as `tree=1e-3,readout=1e-4`: so many times these is added to their
    gradient."""
    sgd_rates: str
    """Groups of parameters that plain gradient descent trains, each at a rate of its own, such as `embedding=0.1`."""
    initial_sum: float
    """Of `adagrad`: what its sums of squares begin with."""
    restart_every: int
    """Training steps after which the optimizer begins anew, as `adagrad` may after each epoch; 0 for never."""
    clip_norm: float
    """Limit of the global gradient norm; 0 for none."""
    clip_value: float
    """Limit of the size of each number of the gradient; 0 for none."""
    precision: Precision
    """Of what is multiplied in training; parameters and sums are in float32."""
    engine: str
    """How time runs: speed and memory, not the result."""
    remat: str | int | None
    """What is computed again in the backward pass to save memory: none, full, sqrt, or segments of so many steps."""
    seed: int
    """Of initial values and batches."""
    log_every: int
    """Training steps between two records of the training loss."""
    measure_every: int
    """Training steps between two measurements, a multiple of `log_every`."""
    measure_batch_size: int
    """Held-out examples that are measured."""
    checkpoint_every: int
    """Training steps between two checkpoints, a multiple of `log_every`."""
    best_metric: str
    """The measurement by which a checkpoint is the best, `heldout/…`; empty for none."""
    patience: int
    """Measurements without a better one after which training stops; 0 for never."""
    diagnostics: tuple[str, ...]
    """What is measured while training."""
    objective: Objective

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries with the names of the command line, for `config.json`."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        length = plain.pop("length")
        return plain | {
            "cell": self.cell.to_dict(),
            "model": self.model.to_dict(),
            "task": self.task.to_dict() | {"length": length},
            "schedule": self.schedule.to_dict(),
            "diagnostics": list(self.diagnostics),
            "objective": self.objective._asdict(),
            "remat": "none" if self.remat is None else str(self.remat),
        }


def default() -> ConfigDict:
    """The settings that every study starts from; a study's `get_config` changes what it needs, and can't add to it."""
    return Settings(
        {
            "cell": Factory({**_placeholders(rnnx.cells), "name": "lstm", "hidden_size": 64}),
            # The task's own model, if no other is named.
            "model": Factory({**_placeholders(rnnx.models), "name": placeholder(str)}),
            "task": Factory({**_placeholders(rnnx.tasks), "name": "adding", "length": 64}),
            "batch_size": 32,
            "steps": 1000,
            "optimizer": "adam",
            "learning_rate": 3e-3,
            "schedule": Settings({**_placeholders(schedules), "name": "constant"}),
            # What optax takes, if it is not named: 1e-4 for adamw.
            "weight_decay": placeholder(float),
            "momentum": 0.0,
            "l2": "",
            "sgd_rates": "",
            "initial_sum": placeholder(float),
            "restart_every": 0,
            "clip_norm": 1.0,
            "clip_value": 0.0,
            "precision": "float32",
            "engine": "auto",
            "remat": "none",
            "seed": 0,
            "log_every": 50,
            "measure_every": 200,
            "measure_batch_size": 128,
            "checkpoint_every": 500,
            "best_metric": build.LOSS,
            "patience": 0,
            "diagnostics": _CHEAP,
            "objective": Settings(PLAIN._asdict()),
        }
    ).lock()


def admit(base: ConfigDict, text: str) -> None:
    """Add the options of all references in a text, such as that of `--sweep`, empty, to the sections of factories.

    Raises:
      ConfigError: one refers to nothing.
    """
    for reference in re.findall(r"[^\W\d][\w.]*:[^\W\d]\w*", text):
        for section in FACTORIES:
            base[section].admit(reference)  # of which it is is told when it is made


def check_fields(given: Any) -> None:
    """That a study's settings have the fields of `default` and no others; options of cell and task may be left out.

    Raises:
      ConfigError: one is missing, or is there and unknown; the message names it.
    """
    if not isinstance(given, ConfigDict):
        raise ConfigError(f"a config is what config.default() returns, with changes, not {given!r}.")
    known, there = _fields(), flatten_dict(given.to_dict())
    for section in FACTORIES:
        if is_reference(name := there.get(f"{section}.name")):
            known = known | {f"{section}.{option}": None for option in build.options(resolve(name))}
    for field, value in there.items():
        if field not in known and value is not None:  # it was admitted, for another name
            raise _unknown(field, known)
    for field, value in known.items():
        if field not in there and value is not None:
            raise ConfigError(f"the config has no field {field}: start from config.default().")


def plain(value: Any) -> Any:
    """A value of a setting without the types of NumPy, which have other names and do not go into a record.

    >>> plain(np.float64(0.5)), plain((np.int64(3), np.str_("a")))
    (0.5, (3, 'a'))
    """
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value


def parse(given: ConfigDict, *, trace: bool = True) -> Config:
    """Check every field, and with `trace` how all goes together, for which the task's data must be at hand.

    Raises:
      ConfigError: the first field that can't be used.
    """
    check_fields(given)
    try:
        task_settings = given.task.to_dict()
        length = checks.size("task.length", task_settings.pop("length"))
        chosen_task = _section("task", task_settings, rnnx.tasks)
        model_settings = given.model.to_dict()
        optimizer = checks.choice("optimizer", given.optimizer, OPTIMIZERS)
        model_settings["name"] = model_settings["name"] or build.make_task(chosen_task).model
        config = Config(
            cell=_section("cell", given.cell.to_dict(), rnnx.cells),
            model=_section("model", model_settings, rnnx.models),
            task=chosen_task,
            length=length,
            batch_size=checks.size("batch_size", given.batch_size),
            steps=checks.size("steps", given.steps),
            optimizer=optimizer,
            learning_rate=checks.number("learning_rate", given.learning_rate, above=0),
            schedule=_schedule(given.schedule.to_dict(), given.steps),
            weight_decay=_of_optimizer("weight_decay", given.weight_decay, optimizer, default=1e-4),
            momentum=_of_optimizer("momentum", given.momentum, optimizer),
            l2=given.l2,
            sgd_rates=given.sgd_rates,
            initial_sum=_of_optimizer("initial_sum", given.initial_sum, optimizer, default=0.1),
            restart_every=checks.size("restart_every", given.restart_every, least=0),
            clip_norm=_not_negative("clip_norm", given.clip_norm),
            clip_value=_not_negative("clip_value", given.clip_value),
            precision=given.precision,
            engine=given.engine,
            remat=_remat(given.remat),
            seed=checks.size("seed", given.seed, least=0, below=2**32),
            log_every=checks.size("log_every", given.log_every),
            measure_every=checks.size("measure_every", given.measure_every),
            measure_batch_size=checks.size("measure_batch_size", given.measure_batch_size),
            checkpoint_every=checks.size("checkpoint_every", given.checkpoint_every),
            best_metric=given.best_metric,
            patience=checks.size("patience", given.patience, least=0),
            diagnostics=_diagnostics(given.diagnostics),
            objective=Objective(**given.objective.to_dict()),
        )
        for field in ("steps", "measure_every", "checkpoint_every"):
            if getattr(config, field) % config.log_every:
                raise ValueError(
                    f"{field} must be a multiple of log_every ({config.log_every}), not {getattr(config, field)}."
                )
        if config.clip_norm and config.clip_value:
            raise ValueError("clip_norm and clip_value are two ways to clip the gradient: set one of them to 0.")
        build.groups(config)
        if config.patience and not config.best_metric:
            raise ValueError(f"patience needs a best_metric that can get better, such as {build.LOSS}.")
        if trace:
            build.check(config)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return config


def restore(settings: dict[str, Any], *, trace: bool = True) -> Config:
    """The config that a record tells of, flat; a setting that did not exist then takes the default, as it did then.

    `trace` is as for `parse`.

    Raises:
      ConfigError: it is not one of this version of rnnx, as where a cell is gone.
    """
    given = default()
    for field, value in names_first(settings):
        field = "diagnostics" if field == "measurements" else field  # its name until 2026
        field_type(given, field)
        if value is not None:
            given.update_from_flattened_dict({field: value})
    return parse(given, trace=trace)


def names_first(settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Settings in an order in which they can be set: which options there are depends on what is named.

    >>> names_first({"cell.sharpness": 3, "seed": 0, "cell.name": "my_cells:tricky"})
    [('cell.name', 'my_cells:tricky'), ('cell.sharpness', 3), ('seed', 0)]
    """
    return sorted(settings.items(), key=lambda item: not item[0].endswith(".name"))


def field_type(base: ConfigDict, field: str) -> type:
    """The type of a field such as `cell.name`.

    Raises:
      ConfigError: there is no such field.
    """
    known = flatten_dict(base.to_dict())
    if field not in known:
        raise _unknown(field, known)
    section, _, leaf = field.rpartition(".")
    return (base[section] if section else base).get_type(leaf)


def difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The fields in which two nested configurations differ, with both values, as one line."""
    a, b = flatten_dict(one), flatten_dict(other)
    fields = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} ({a.get(name, 'not set')} there, {b.get(name, 'not set')} here)" for name in fields)


_MOST_TOLD = 15
"""Fields that a message has where one is near; those of all tasks are more."""


def _unknown(field: str, known: Iterable[str]) -> ConfigError:
    """That there is no such field, with the nearest one and the others of its section."""
    elsewhere = CALLED_ELSEWHERE.get(field.rpartition(".")[2], "")
    if elsewhere in known:
        return ConfigError(f"no config field named {field!r}; did you mean {elsewhere!r}?")
    nearest = difflib.get_close_matches(field, known, n=1, cutoff=0.5)
    section = (nearest[0] if nearest else field).rpartition(".")[0]
    beside = {other for other in known if other.rpartition(".")[0] == section}
    if nearest and len(beside) > _MOST_TOLD:
        return ConfigError(f"no config field named {field!r}; did you mean {nearest[0]!r}?")
    if not beside or not section:
        beside |= {f"{other.partition('.')[0]}.…" if "." in other else other for other in known}
    return ConfigError(registry.unknown("config field", field, beside))


@functools.cache
def _fields() -> dict[str, Any]:
    """All that a config has, such as `cell.name`, with its default."""
    return flatten_dict(default().to_dict())


def _not_negative(name: str, value: Any) -> float:
    if checks.number(name, value) < 0:
        raise ValueError(f"{name} must be a number of at least 0, where 0 is for none, not {value!r}.")
    return float(value)


def _of_optimizer(name: str, value: Any, optimizer: str, default: float = 0.0) -> float:
    """A number that one optimiser has, 0 for all others."""
    if value is None:
        return default if optimizer == HAVE[name] else 0.0
    if _not_negative(name, value) and optimizer != HAVE[name]:
        raise ValueError(f"{name} = {value!r}: the optimizer {optimizer!r} has none; {HAVE[name]!r} has.")
    return float(value)


def _schedule(settings: dict[str, Any], steps: int) -> Section:
    """A schedule, whose decay is over all of training unless it says otherwise."""
    section = _section("schedule", settings, schedules)
    options = dict(section.options)
    if "decay_steps" in options and settings["decay_steps"] is None:
        options["decay_steps"] = steps
    try:
        schedules.get(section.name)(**options)
    except ValueError as error:
        raise ValueError(f"schedule.{error}") from None
    return Section(section.name, tuple(options.items()))


def _diagnostics(names: Iterable[str]) -> tuple[str, ...]:
    names = tuple(names)
    for name in names:
        if name in rnnx.readings.names():
            raise ValueError(f"{name!r} is a reading, and no diagnostic: experiments.analyze takes it after training.")
        rnnx.diagnostics.get(name)  # one that there is
    if len(set(names)) < len(names):
        raise ValueError(f"diagnostics must be named once each, not {', '.join(names)}.")
    return names


def _remat(value: Any) -> str | int | None:
    """As `rnnx.unroll` takes it: a setting has one type, and a number of steps is a text here."""
    if value == "none":
        return None
    return int(value) if str(value).isdigit() else value


def _placeholders(package: Any) -> dict[str, Any]:
    """Every option of every cell (or model, or task), empty, of the type of its default."""
    parameters: dict[str, inspect.Parameter] = {}
    for name in package.names():
        parameters |= build.options(package.get(name))
    return {name: placeholder(_type_of(parameter)) for name, parameter in parameters.items() if name != "hidden_size"}


def _type_of(parameter: inspect.Parameter) -> type:
    """Of the default; where that is none, the first of the annotation that a setting can have, or else any."""
    if parameter.default is not None and parameter.default is not parameter.empty:
        return type(parameter.default)
    kinds = (parameter.annotation, *typing.get_args(parameter.annotation))
    return next((kind for kind in kinds if kind in (bool, int, float, str)), object)


def _section(field: str, settings: dict[str, Any], package: Any) -> Section:
    name = settings.pop("name")
    parameters = build.options(package.get(name))
    options = {option: parameter.default for option, parameter in parameters.items()}
    for option, value in settings.items():
        if value is not None and option not in options:
            takes = f"takes {', '.join(options)}" if options else "takes no options"
            raise ValueError(f"{field}.{option} = {value!r}: the {field} {name!r} has no such option; it {takes}.")
        if value is not None:
            options[option] = value
    for option, value in options.items():
        if value is inspect.Parameter.empty:
            raise ValueError(f"{field}.{option} is missing: the {field} {name!r} has no default for it.")
    return Section(name, tuple(sorted(options.items())))
