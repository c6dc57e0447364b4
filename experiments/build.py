"""What a config names, built: its cell, its model, its task, and the program that trains and measures them."""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

import rnnx
from rnnx import checks
from rnnx.initializers import is_initial_value
from rnnx.references import UserCodeError, is_reference, leads_to, told
from rnnx.training import schedules
from rnnx.training.objective import PLAIN
from rnnx.training.optimizers import Groups, Hyperparameters
from rnnx.training.program import Program, TrainState, position_means
from rnnx.training.program import program as training_program
from rnnx.training.schedules import Schedule
from rnnx.types import Cell, Task
from rnnx.unroll import check_engine

if TYPE_CHECKING:
    from experiments.config import Config, Section

Made = TypeVar("Made")


LOSS = "heldout/loss"
"""The metric that is the better the smaller it is; all others are the better the larger they are."""


def cell(config: "Config") -> Cell:
    """The cell that a config names."""
    return _made("cell", config.cell, Cell, rnnx.cells.get(config.cell.name))


def task(config: "Config") -> Task:
    """The task that a config names, with windows of its length if it has any."""
    made = make_task(config.task)
    return made.with_window(config.length) if made.with_window else made


def make_task(section: "Section") -> Task:
    """The task of a section."""
    return _made("task", section, Task, rnnx.tasks.get(section.name))


def model(config: "Config", of: Task | None = None) -> Callable[..., nnx.Module]:
    """What makes the model that a config names, given `rngs`; for its own task, if no other is given."""
    factory = functools.partial(rnnx.models.get(config.model.name), cell(config), task(config) if of is None else of)
    return lambda *, rngs: _made("model", config.model, nnx.Module, functools.partial(factory, rngs=rngs))


def _made(kind: str, section: "Section", wanted: type[Made], factory: Callable[..., Any]) -> Made:
    """What the factory of a section makes with its options.

    Raises:
      UserCodeError: it is anyone's own, and fails or makes something else.
      ValueError: an option that can't be used, by its name in the settings.
    """
    try:
        made = factory(**dict(section.options))
    except Exception as error:
        if not is_reference(section.name):
            if isinstance(error, ValueError) and str(error).startswith(
                tuple(f"{o} must be " for o, _ in section.options)
            ):
                raise ValueError(f"{kind}.{error}") from error
            raise
        raise UserCodeError(f"the {kind} {section.name!r} failed: {told(section.name, error)}") from error
    if not isinstance(made, wanted):
        raise UserCodeError(f"the {kind} {section.name!r} must return a {wanted.__name__}, not {type(made).__name__}.")
    return made


def schedule(config: "Config") -> Schedule:
    """The schedule of the learning rate that a config names."""
    return schedules.get(config.schedule.name)(**dict(config.schedule.options))


# Two: what is traced to count what training costs is what then trains, though the initial state was made in between.
@functools.lru_cache(maxsize=2)
def program(config: "Config", mesh: Mesh | None = None) -> Program:
    """The functions that train and measure what a config names; `mesh` as in `rnnx.training.program.program`."""
    return training_program(
        model(config),
        task(config),
        length=config.length,
        batch_size=config.batch_size,
        steps_per_dispatch=config.log_every,
        measure_batch_size=config.measure_batch_size,
        diagnostics=config.diagnostics,
        optimizer=config.optimizer,
        schedule=schedule(config),
        precision=config.precision,
        engine=config.engine,
        remat=config.remat,
        objective=config.objective,
        groups=groups(config),
        mesh=mesh,
    )


def groups(config: "Config") -> Groups:
    """What is done otherwise with some of the parameters.

    Raises:
      ValueError: a setting that is none of groups and numbers.
    """
    return Groups(
        by_group("l2", config.l2), by_group("sgd_rates", config.sgd_rates), config.restart_every, config.initial_sum
    )


def by_group(field: str, text: str) -> tuple[tuple[str, float], ...]:
    """A number for each group of parameters, from a setting such as `tree=0.001, readout=1e-4`.

    >>> by_group("l2", "tree=0.001, readout=1e-4")
    (('tree', 0.001), ('readout', 0.0001))
    """
    found: dict[str, float] = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, _, number = map(str.strip, item.partition("="))
        try:
            found[name] = checks.number(field, float(number), above=0)
        except ValueError:
            raise ValueError(
                f"{field} = {text!r}: {item!r} must be a group of parameters with a number above 0, as in readout=1e-4."
            ) from None
    return tuple(found.items())


def hyperparameters(config: "Config") -> Hyperparameters:
    """What trials of one compiled program may differ in.

    The seed is of a type that has all of them: a plain number is taken for an int32 when it is handed to a program.
    """
    return Hyperparameters(
        np.uint32(config.seed),
        config.learning_rate,
        config.clip_norm or math.inf,
        config.clip_value or None,
        config.weight_decay,
        config.momentum,
    )


def without_hyperparameters(config: "Config") -> "Config":
    """The same for all configs that differ in nothing but those; whether there is a `clip_value` stays."""
    by_value = float(config.clip_value > 0)
    return dataclasses.replace(
        config, seed=0, learning_rate=1.0, clip_norm=0.0, clip_value=by_value, weight_decay=0.0, momentum=0.0
    )


def program_key(config: "Config") -> "Config":
    """The same for all configs that one compiled program trains: what they may differ in is at its default.

    Beside the hyperparameters that is what decides initial values alone, since those are an input of the program.
    """
    parameters = options(rnnx.cells.get(config.cell.name))
    values = {
        name: parameter.default if is_initial_value(parameter.annotation) and _has_default(parameter) else value
        for name, value in config.cell.options
        for parameter in [parameters[name]]
    }
    cell = dataclasses.replace(config.cell, options=tuple(values.items()))
    return dataclasses.replace(without_hyperparameters(config), cell=cell)


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty


def initial(config: "Config") -> Callable[[], TrainState]:
    """Makes the state that training starts from. No length enters it, so one compiled function serves all of them."""
    init = _init(dataclasses.replace(without_hyperparameters(config), length=1))
    return functools.partial(init, hyperparameters(config).seed)


@functools.lru_cache(maxsize=32)
def _init(config: "Config") -> Callable[[Any], TrainState]:
    return program(config).init


def check(config: "Config") -> None:
    """Trace and do not compute, so that what does not suit the task's inputs is found before anything compiles.

    Raises:
      ValueError: a cell that the engine can't run, or that dropout is not for, a metric that is not measured, or what
        else the trace comes upon.
      UserCodeError: something of anyone's own fails in it.
    """
    check_engine(config.engine, config.remat)
    try:
        _trace(without_hyperparameters(config))
        if (config.engine, config.remat, config.objective) != ("auto", None, PLAIN):  # which each part must allow
            _trace_training(program_key(config))
    except UserCodeError:
        raise
    except Exception as error:
        own = references(config)
        where = next((name for name in own if leads_to(name, error)), None)
        if where is None and (not own or isinstance(error, ValueError)):
            raise
        name = where or own[0]
        raise UserCodeError(f"a trial with {name} fails: {told(name, error)}") from error
    if config.best_metric not in ("", LOSS):
        checks.choice("best_metric", config.best_metric, _metrics(without_hyperparameters(config)))


def traced(config: "Config") -> tuple[Any, TrainState]:
    """The program that trains what a config names, as `jax.jit(…).trace` gives it, and the shapes of its state."""
    config = program_key(config)
    made = program(config)
    state = jax.eval_shape(made.init, 0)
    return made.train.trace(state, hyperparameters(config)), state  # type: ignore[attr-defined]


def references(config: "Config") -> list[str]:
    """The names in a config that are of anyone's own, `my_cells:tricky`."""
    names = (config.cell.name, config.model.name, config.task.name, *config.diagnostics)
    return [name for name in dict.fromkeys(names) if is_reference(name)]


_GIVEN = ("self", "cell", "task", "rngs")
"""Arguments of a model that are no options."""


def options(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The arguments of a factory that are settings."""
    # Flax makes its modules by a metaclass, of whose call every class has the signature.
    call = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
    parameters = inspect.signature(call).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if name not in _GIVEN
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        # What a record can hold; a function, say, stays what it is by default.
        and (parameter.default is parameter.empty or isinstance(parameter.default, bool | int | float | str | None))
    }


@functools.lru_cache(maxsize=256)  # a sweep has many trials of a kind, and each would take a tenth of a second
def _trace(config: "Config") -> None:
    """Trace and do not compute: what does not suit the task's inputs is found before anything compiles."""
    of, key = task(config), jax.random.key(0)
    if config.objective.carry_state:
        stream = of.stream
        if stream is None:
            raise ValueError(
                "objective.carry_state is for tasks that have a stream, such as characters; "
                f"the task {config.task.name!r} has none."
            )
        jax.eval_shape(lambda: stream(key, config.batch_size, config.length, 0))
    made = program(config)
    if references(config):  # anything may be wrong with it, and it is not told as well where trials run
        seed = hyperparameters(config).seed
        jax.eval_shape(made.measure, jax.eval_shape(made.init, seed), seed)
    jax.eval_shape(lambda: of.sample(key, config.batch_size, config.length))
    batch = jax.eval_shape(lambda: of.sample_heldout(key, config.measure_batch_size, config.length))
    tests = of.test_batches
    if tests is not None:
        first = next(iter(tests(config.measure_batch_size)), None)
        if first is not None and first.restarts is not None:  # the model must be able to read on
            jax.eval_shape(made.score, jax.eval_shape(made.init, 0).params, first, None)
    if config.model.name != of.model and not references(config):
        try:
            jax.eval_shape(made.score, jax.eval_shape(made.init, 0).params, batch, None)
        except Exception as error:  # each model takes the inputs apart in its own way
            reason = " ".join(str(error).split())
            if isinstance(error, ValueError) and reason.startswith(f"the model {config.model.name!r} "):
                raise  # it says so itself
            raise ValueError(
                f"the model {config.model.name!r} fails on the task {config.task.name!r}, whose own is {of.model!r}: "
                f"{type(error).__name__}: {reason}"
            ) from error


@functools.lru_cache(maxsize=256)
def _metrics(config: "Config") -> list[str]:
    """What `best_metric` may be: the loss, and what else the task scores."""
    of, made = task(config), program(config)

    def scores() -> Any:
        batch = of.sample_heldout(jax.random.key(0), config.measure_batch_size, config.length)
        return position_means(made.score(made.init(0).params, batch, None)[0])

    return [f"heldout/{name}" for name in jax.eval_shape(scores)]


@functools.lru_cache(maxsize=256)
def _trace_training(config: "Config") -> None:
    traced(config)
