"""Training a group of trials to their end: each leaves a record in its own directory that can be resumed and read."""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from experiments import build
from experiments.config import Config, ConfigError
from experiments.trials import distributed, forecasts, lock, predictions, samples, signals
from experiments.trials.profiling import Profile
from experiments.trials.recorder import Record, Tested, write_failure
from experiments.trials.train_metrics import train_metrics
from experiments.trials.trial import DivergedError, Progress, Trial, TrialGroup, compiling, finished
from rnnx.logbook.files import DamagedError
from rnnx.logbook.run_directory import LOCK, PROFILE
from rnnx.training import parallel
from rnnx.training.evaluation import evaluate
from rnnx.training.program import Program, Score, TrainState
from rnnx.types import Params, Task


def run(group: TrialGroup, update: Callable[[Progress], None]) -> None:
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


class _ActiveTrial:
    """A trial that is being trained."""

    slot: int
    """Its place in the program of its group."""

    def __init__(self, trial: Trial, group: TrialGroup, update: Callable[[Progress], None]):
        self.config, self.name, self._update = trial.config, trial.name, update
        self.record = Record(trial.name, trial.config, trial.directory, group.vmap_width, group.num_devices)

    def report(self, step: int, loss: float, outcome: str | None = None, seconds: float = math.nan) -> None:
        self._update(Progress(self.name, step, loss, outcome, seconds=seconds))

    def enter(self, phase: str, step: int) -> None:
        """Say what it is at now."""
        self._update(Progress(self.name, step, math.nan, phase=phase))

    def fail(self, error: Exception) -> None:
        failure: dict[str, Any] = {"error": _line(error)}
        if isinstance(error, DivergedError):
            failure |= {"step": error.step, "diverged": True}
        self.record.fail(failure)
        self.report(0, math.nan, failure["error"])

    def close(self) -> None:
        with contextlib.suppress(OSError):  # no room left: that has been said, and nothing more can be done
            self.record.close()


def _begin(
    trial: Trial, group: TrialGroup, update: Callable[[Progress], None], locks: contextlib.ExitStack
) -> _ActiveTrial | None:
    """Take hold of a trial's directory, if there is something left to do."""
    try:
        if finished(trial):
            update(Progress(trial.name, trial.config.steps, math.nan, "done"))
            return None
        locks.enter_context(lock.held(trial.directory / LOCK))
    except Exception as error:  # it is another's directory, or can't be written: nothing is left there
        update(Progress(trial.name, 0, math.nan, _line(error)))
        return None
    try:
        return _ActiveTrial(trial, group, update)
    except Exception as error:  # data that this machine lacks, a cell that its rnnx lacks, no device …
        write_failure(trial.directory, {"error": _line(error)})
        update(Progress(trial.name, 0, math.nan, _line(error)))
        return None


@contextlib.contextmanager
def _isolate_failure(active: list[_ActiveTrial], running: _ActiveTrial) -> Iterator[None]:
    """What goes wrong in here goes wrong for one trial, and the others go on."""
    try:
        yield
    except Exception as error:  # whatever it is, FAILED.json has it
        running.fail(error)
        running.close()
        active.remove(running)


def _train(active: list[_ActiveTrial], group: TrialGroup) -> None:
    """Train to the end; trials that fail leave `active`, and so do those that are done."""
    started = time.monotonic()
    resume_step, states = _restore(active)
    members = list(active)
    for slot, running in enumerate(members):
        running.slot = slot
        with _isolate_failure(active, running):
            running.record.begin(resume_step)
    if not active:
        return
    config = active[0].config
    task = build.task(config)  # once: a text of one's own may be another one, or gone, when training ends
    vmap_width = group.vmap_width
    program = _program(build.program_key(config), vmap_width, group.num_devices)
    state = _side_by_side(states, vmap_width)
    given = _side_by_side([build.hyperparameters(running.config) for running in members], vmap_width)
    step = resume_step or 0
    for running in active:
        running.enter(compiling(config), step)
    if resume_step is None:
        measured = _each(program.measure(state, given.seed), vmap_width)
        for running in list(active):
            with _isolate_failure(active, running):
                running.record.log(0, measured[running.slot])
        _keep_best(active, 0, state.params, vmap_width)
        _write_samples(active, task, 0, state.params, vmap_width)
    # What measures is compiled when it is first called.
    measuring = "measuring" if resume_step is None else compiling(config)
    end = functools.partial(_finish, active, task, program.score, started)
    end(step, state, vmap_width, early=True)

    with Profile(members[0].record.directory / PROFILE if group.profile else None) as profile:
        while step < config.steps and active:
            if signals.requested():
                _save(active, step, _each(state, vmap_width))
                signals.check()
            with profile.dispatch(step):
                begun = time.perf_counter()
                state, metrics = program.train(state, given)
                taken = _each(metrics, vmap_width)
                seconds = time.perf_counter() - begun
            before, step = step, step + config.log_every
            last = step == config.steps
            if last or step % config.measure_every == 0:
                for running in active:
                    running.enter(measuring, before)
                measuring = "measuring"
                measured = _each(program.measure(state, given.seed), vmap_width)
            else:
                measured = [{}] * vmap_width
            for running in list(active):
                with _isolate_failure(active, running):
                    values = train_metrics(before, taken[running.slot], running.config)
                    running.record.log(step, values | measured[running.slot], last=last)
                    trained = running.record.performance.dispatched(config.log_every, seconds)
                    running.report(step, float(values["train/loss"]), seconds=trained)
            if measured[0]:
                _keep_best(active, step, state.params, vmap_width)
                _write_samples(active, task, step, state.params, vmap_width)
            if last or step % config.checkpoint_every == 0:
                _save(active, step, _each(state, vmap_width))
            end(step, state, vmap_width, early=True)
    end(step, state, vmap_width, early=False)


def _restore(active: list[_ActiveTrial]) -> tuple[int | None, list[TrainState]]:
    """The newest step that each has a whole checkpoint of, and the states; `None` and new states if there is none."""
    at_most: int | None = None
    while active:
        found = []
        for running in list(active):
            with _isolate_failure(active, running):
                shapes = jax.eval_shape(build.initial(running.config))
                found.append(running.record.restore_latest(shapes, at_most))
        restored = [one for one in found if one]
        steps = {step for step, _ in restored}
        if not steps:
            break
        if len(restored) == len(active) and len(steps) == 1:
            return steps.pop(), [state for _, state in restored]
        # A kill came between the checkpoints of one and of another.
        at_most = min(steps) if len(restored) == len(active) else -1
    return None, [build.initial(running.config)() for running in active]


def _save(active: list[_ActiveTrial], step: int, states: Sequence[TrainState]) -> None:
    for running in list(active):
        with _isolate_failure(active, running):
            running.record.save(step, states[running.slot])


def _keep_best(active: list[_ActiveTrial], step: int, params: Params, vmap_width: int) -> None:
    """Those of the trials whose measurement at this step is their best."""
    better = [running for running in active if (best := running.record.best) and best.step == step]
    each = _each(params, vmap_width) if better else []
    for running in better:
        running.record.keep(step, each[running.slot])


def _write_samples(active: list[_ActiveTrial], task: Task, step: int, params: Params, vmap_width: int) -> None:
    """What each model writes now: one of language a text, and others to some held-out examples, where that is shown;
    and what it forecasts."""
    sample = samples.sampler(active[0].config, task) if active else None
    shows = task.decoding is not None and task.decoding.shown is not None
    each = _each(params, vmap_width) if active and (sample or shows or task.stretch) else []
    for running in list(active) if each else []:
        with _isolate_failure(active, running):
            if sample:
                running.record.sample(step, sample(each[running.slot]))
            if show := predictions.shower(running.config, task):
                running.record.show(step, show(each[running.slot]))
            if forecast := forecasts.forecaster(running.config, task):
                running.record.show_forecasts(step, forecast(each[running.slot]))


def _finish(
    active: list[_ActiveTrial],
    task: Task,
    score: Score,
    started: float,
    step: int,
    state: TrainState,
    vmap_width: int,
    *,
    early: bool,
) -> None:
    """End the trials that need not go on (`early`), or all; the others of the group do not notice."""
    ended = [running for running in active if not early or running.record.stopped]
    states = _each(state, vmap_width) if ended else []
    for running in ended:
        with _isolate_failure(active, running):
            last = states[running.slot]
            running.enter("saving" if task.test_batches is None else "testing", step)
            running.record.save(step, last)
            test, baselines = _test(running.config, task, score), forecasts.baselines(running.config, task)
            running.record.finish(step, time.monotonic() - started, test, last.params, baselines)
            running.report(step, math.nan, "done")
            active.remove(running)


def _test(config: Config, task: Task, score: Score) -> Callable[[Params], Tested] | None:
    """What the whole test split tells of parameters, where the task has one."""
    test_batches = task.test_batches
    if test_batches is None:
        return None
    predict = predictions.predictor(config, task)

    def test(params: Params) -> Tested:
        numbers = evaluate(score, params, test_batches(config.measure_batch_size), task.summary)
        predicted = predict(params) if predict else None
        return Tested(numbers | predicted.numbers, predicted.records) if predicted else Tested(numbers)

    return test


def _side_by_side(trees: list[Any], vmap_width: int) -> Any:
    """The input of a program of that width; where there are fewer, the first stands in for the rest."""
    if vmap_width == 1:
        return trees[0]
    filled = trees + [trees[0]] * (vmap_width - len(trees))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *filled)


def _each(outputs: Any, vmap_width: int) -> Sequence[Any]:
    """What a program of that width gave, slot by slot, in the host's memory."""
    outputs = jax.device_get(outputs)
    if vmap_width == 1:
        return [outputs]
    return [jax.tree.map(lambda leaf, slot=slot: leaf[slot, ...], outputs) for slot in range(vmap_width)]


@functools.lru_cache(maxsize=1)
def _program(config: Config, vmap_width: int, devices: int) -> Program:
    """The program that all configs share of which this is `config.program_key`."""
    mesh = parallel.mesh() if devices > 1 else None
    if vmap_width == 1:
        return distributed.leader_program(build.program(config, mesh), mesh) if mesh else build.program(config)
    program = build.program(config)
    beside = functools.partial(parallel.shard_trials, mesh=mesh) if mesh else jax.vmap
    return program._replace(
        train=jax.jit(beside(program.train), donate_argnums=0), measure=jax.jit(beside(program.measure))
    )


def _line(error: BaseException) -> str:
    """An error as one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, ConfigError | DamagedError) else f"{type(error).__name__}: {text}"
