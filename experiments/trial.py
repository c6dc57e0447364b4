"""Trials: train a cell on a task, measure it on the way, and leave a record that can be resumed and read.

A trial is idempotent in its own directory: run again it does what is left to do, which may be nothing. Trials that
differ only in what their program takes as input can be trained together, each with a directory of its own still.
"""

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import config as configs
from experiments import distributed, files, interruption, lock
from experiments.config import Config, ConfigError, difference
from experiments.profiling import Profile
from experiments.record import Record
from rnnx import parallel
from rnnx.clipping import clipping
from rnnx.training import Program, StepMetrics, TrainState


class DivergedError(Exception):
    """Loss or gradient stopped being finite."""

    def __init__(self, step: int):
        """At which step, the first of which is 1."""
        super().__init__(f"loss or gradient is not finite at step {step}")
        self.step = step


class Trial(NamedTuple):
    """A config and the place it is run in."""

    name: str
    config: Config
    directory: Path


class Group(NamedTuple):
    """Trials that differ only in what a compiled program takes as input: see `experiments.config.alike`."""

    trials: tuple[Trial, ...]
    slots: int
    """Width of the program, at least the number of trials; 1 for a program without `vmap`.

    The last bits of a result depend on it, so a trial keeps the width that it began with."""
    devices: int = 1
    """Over how many the batches of a single trial are split: all that there are, or 1."""
    profile: bool = False
    """Whether to leave a trace of some dispatches, in the directory of the first trial."""

    @property
    def split_over(self) -> int:
        """On how many devices the program runs: trials side by side on all that there are, if each gets as many."""
        if self.slots == 1:
            return self.devices
        return 1 if self.slots % jax.device_count() else jax.device_count()


class Update(NamedTuple):
    """News of a trial."""

    trial: str
    step: int
    loss: float
    outcome: str | None = None
    """`None` while it runs, "done", or why it failed."""


def finished(trial: Trial) -> bool:
    """Whether the trial is done, with this config.

    Raises:
      ConfigError: the directory holds a trial of another config; the message names the fields that differ.
    """
    path = trial.directory / "config.json"
    if path.exists():
        there = files.read_json(path)["config"]
        differing = difference(there, trial.config.to_dict())
        if differing:
            raise ConfigError(
                f"{trial.directory} holds a trial of another config: {differing}. Choose another --workdir."
            )
    return (trial.directory / "DONE.json").exists()


def diverged(trial: Trial) -> str | None:
    """Why a trial can't be brought to its end: it would diverge again at the same step."""
    path = trial.directory / "FAILED.json"
    failure = files.read_json(path) if path.exists() else {}
    return failure["error"] if failure.get("diverged") else None


def run(group: Group, update: Callable[[Update], None]) -> None:
    """Do what is left of a group of trials; what becomes of each is told by `update`, and stands in its directory.

    Raises:
      Interrupted: a signal asked for an end; what was trained is saved.
    """
    with contextlib.ExitStack() as locks:
        active = [running for trial in group.trials if (running := _begin(trial, group, update, locks))]
        try:
            _train(active, group)
        except Exception as error:  # of the program that all of them share
            for running in active:
                running.fail(error)
        finally:
            for running in active:
                running.close()


class _Running:
    """A trial that is being trained."""

    slot: int
    """Its place in the program of its group."""

    def __init__(self, trial: Trial, group: Group, update: Callable[[Update], None]):
        self.config, self.name, self._update = trial.config, trial.name, update
        self.record = Record(trial.name, trial.config, trial.directory, group.slots, group.split_over)

    def tell(self, step: int, loss: float, outcome: str | None = None) -> None:
        self._update(Update(self.name, step, loss, outcome))

    def fail(self, error: Exception) -> None:
        failure: dict[str, Any] = {"error": _line(error)}
        if isinstance(error, DivergedError):
            failure |= {"step": error.step, "diverged": True}
        self.record.fail(failure)
        self.tell(0, math.nan, failure["error"])

    def close(self) -> None:
        with contextlib.suppress(OSError):  # no room left: that has been said, and nothing more can be done
            self.record.close()


def _begin(
    trial: Trial, group: Group, update: Callable[[Update], None], locks: contextlib.ExitStack
) -> _Running | None:
    """Take hold of a trial's directory, if there is something left to do."""
    try:
        if finished(trial):
            update(Update(trial.name, trial.config.steps, math.nan, "done"))
            return None
        locks.enter_context(lock.held(trial.directory / "trial.lock"))
        return _Running(trial, group, update)
    except (ConfigError, OSError) as error:  # it is another's directory, or can't be written: nothing is left there
        update(Update(trial.name, 0, math.nan, _line(error)))
        return None


@contextlib.contextmanager
def _apart(active: list[_Running], running: _Running) -> Iterator[None]:
    """What goes wrong in here goes wrong for one trial, and the others go on."""
    try:
        yield
    except Exception as error:  # whatever it is, FAILED.json has it
        running.fail(error)
        running.close()
        active.remove(running)


def _train(active: list[_Running], group: Group) -> None:
    """Train to the end; trials that fail leave `active`, and so do those that are done."""
    started = time.monotonic()
    resume_step, states = _restore(active)
    members = list(active)
    for slot, running in enumerate(members):
        running.slot = slot
        with _apart(active, running):
            running.record.begin(resume_step)
    if not active:
        return
    config = active[0].config
    slots = group.slots
    program = _program(configs.alike(config), slots, group.split_over)
    state = _side_by_side(states, slots)
    given = _side_by_side([configs.hyperparameters(running.config) for running in members], slots)
    step = resume_step or 0
    if resume_step is None:
        measured = _each(program.measure(state, given.seed), slots)
        for running in list(active):
            with _apart(active, running):
                running.record.log(0, measured[running.slot])
    for running in active:
        running.tell(step, math.nan)

    with Profile(members[0].record.directory / "profile" if group.profile else None) as profile:
        while step < config.steps and active:
            if interruption.requested():
                _save(active, step, _each(state, slots))
                interruption.check()
            with profile.dispatch(step):
                begun = time.perf_counter()
                state, metrics = program.train(state, given)
                taken = _each(metrics, slots)
                seconds = time.perf_counter() - begun
            before, step = step, step + config.log_every
            last = step == config.steps
            if last or step % config.measure_every == 0:
                measured = _each(program.measure(state, given.seed), slots)
            else:
                measured = [{}] * slots
            for running in list(active):
                with _apart(active, running):
                    values = _summarise(before, taken[running.slot], running.config.clip_norm or None)
                    running.record.log(step, values | measured[running.slot], last=last)
                    running.record.performance.dispatched(config.log_every, seconds)
                    running.tell(step, float(values["train/loss"]))
            if last or step % config.checkpoint_every == 0:
                _save(active, step, _each(state, slots))
    for running in list(active):
        with _apart(active, running):
            running.record.finish(step, time.monotonic() - started)
            running.tell(step, math.nan, "done")
            active.remove(running)


def _restore(active: list[_Running]) -> tuple[int | None, list[TrainState]]:
    """The newest step that each has a whole checkpoint of, and the states; `None` and new states if there is none."""
    at_most: int | None = None
    while active:
        found = []
        for running in list(active):
            with _apart(active, running):
                shapes = jax.eval_shape(initial(running.config), running.config.seed)
                found.append(running.record.checkpoints.restore_latest(shapes, at_most))
        restored = [one for one in found if one]
        steps = {step for step, _ in restored}
        if not steps:
            break
        if len(restored) == len(active) and len(steps) == 1:
            return steps.pop(), [state for _, state in restored]
        # A kill came between the checkpoints of one and of another.
        at_most = min(steps) if len(restored) == len(active) else -1
    return None, [initial(running.config)(running.config.seed) for running in active]


def _save(active: list[_Running], step: int, states: Sequence[TrainState]) -> None:
    for running in list(active):
        with _apart(active, running):
            running.record.save(step, states[running.slot])


def _side_by_side(trees: list[Any], slots: int) -> Any:
    """The input of a program of that width; where there are fewer, the first stands in for the rest."""
    if slots == 1:
        return trees[0]
    filled = trees + [trees[0]] * (slots - len(trees))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *filled)


def _each(outputs: Any, slots: int) -> Sequence[Any]:
    """What a program of that width gave, slot by slot, in the host's memory."""
    outputs = jax.device_get(outputs)
    if slots == 1:
        return [outputs]
    return [jax.tree.map(lambda leaf, slot=slot: leaf[slot, ...], outputs) for slot in range(slots)]


@functools.lru_cache(maxsize=1)
def _program(config: Config, slots: int, devices: int) -> Program:
    """The program that all configs share of which this is `config.alike`."""
    mesh = parallel.mesh() if devices > 1 else None
    if slots == 1:
        return distributed.led(configs.build(config, mesh), mesh) if mesh else configs.build(config)
    program = configs.build(config)
    beside = functools.partial(parallel.over_trials, mesh=mesh) if mesh else jax.vmap
    return program._replace(
        train=jax.jit(beside(program.train), donate_argnums=0), measure=jax.jit(beside(program.measure))
    )


def initial(config: Config) -> Callable[[int], TrainState]:
    """(seed) -> the state that training starts from; compiled once for sequences of all lengths."""
    of_any_length = dataclasses.replace(config.task, size=0)
    return _initial_by_policy(dataclasses.replace(configs.without_hyperparameters(config), task=of_any_length))


@functools.lru_cache(maxsize=32)
def _initial_by_policy(config: Config) -> Callable[[int], TrainState]:
    return configs.build(config).init


def _summarise(before: int, taken: StepMetrics, clip_norm: float | None) -> dict[str, Any]:
    """What K training steps say in a few numbers."""
    bad = np.flatnonzero(~(np.isfinite(taken.loss) & np.isfinite(taken.gradient_norm)))
    if bad.size:
        raise DivergedError(before + int(bad[0]) + 1)
    return {
        "train/loss": taken.loss.mean(),
        "train/gradient_norm": np.median(taken.gradient_norm),
        "train/gradient_norm_max": taken.gradient_norm.max(),
        **{f"train/{name}": value for name, value in clipping(taken.gradient_norm, clip_norm).items()},
    }


def _line(error: BaseException) -> str:
    """An error as one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, ConfigError) else f"{type(error).__name__}: {text}"
