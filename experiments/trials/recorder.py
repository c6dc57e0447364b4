"""What a trial leaves in its directory while it is trained.

`metrics.jsonl`, TensorBoard events and checkpoints go together: one that resumes from a checkpoint first takes back
what the other two say of later steps.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from experiments import build
from experiments.config import Config
from experiments.trials import heldout, pictures, provenance
from experiments.trials.best import Best, BestParameters, best
from experiments.trials.performance import Performance
from rnnx import examples
from rnnx.computational_graph import Graph
from rnnx.logbook import Checkpoints, MetricsFile, TensorBoard, files, hparams, read_metrics
from rnnx.logbook.jsonl import first_record
from rnnx.logbook.run_directory import (
    BEST,
    CHECKPOINTS,
    CONFIG,
    DONE,
    EXAMPLE,
    FAILED,
    FORECASTS,
    GRAPH,
    METRICS,
    PREDICTIONS,
    SAMPLES,
    STUDY,
    VOCABULARY,
)
from rnnx.pytrees import flatten_dict
from rnnx.report import figures
from rnnx.report.figures import forecast, written
from rnnx.report.figures._style import png
from rnnx.report.graph import draw as draw_graph
from rnnx.report.metrics import final_tags
from rnnx.training.program import TrainState
from rnnx.types import Forecast, Params, Written

_FIGURE_TIME_SHARE = 0.05
"""The share of a session's time that pictures other than that of the gradient may take, of all trials of a program
together, except that the last ones are drawn always. Of short trials they would take most."""

_FIGURE_SECONDS = 0.1
"""Seconds that those of one measurement are thought to take, until the first are drawn."""


def write_row(directory: Path, config: dict[str, Any], study: Iterable[dict[str, Any]]) -> None:
    """Write a trial's row of TensorBoard's HParams page, with what varies in the study that it is part of."""
    hparams.write_row(directory, flatten_dict(config), hparams.columns(map(flatten_dict, study)))


def shown_at_the_end(directory: Path) -> list[str]:
    """The tags of a trial that the HParams page shows, as far as its record tells: they depend on its model's parts."""
    done = directory / DONE
    test = files.read_json(done).get("test", {}) if done.exists() else {}
    tested = [f"test/{which}/{name}" for which, means in test.items() for name in means]
    return final_tags([*first_record(directory / METRICS), *tested])


def _study(directory: Path) -> list[dict[str, Any]]:
    """The configs of all trials of the sweep that a trial is part of; none where there is no sweep."""
    for parent in directory.parents:
        path = parent / STUDY
        trials = files.read_json(path)["trials"] if path.exists() else {}
        if directory.relative_to(parent).as_posix() in trials:
            return list(trials.values())
    return []


class Tested(NamedTuple):
    """What the test split tells of parameters."""

    numbers: dict[str, float]
    """By name."""
    predictions: list[dict[str, Any]] | None = None
    """What was written to each of its examples, where that was asked for."""


class Record:
    """The record of one trial that is being trained."""

    def __init__(self, name: str, config: Config, directory: Path, vmap_width: int, num_devices: int):
        """Take hold of a directory; an account of where results come from tells of the program's width and devices.

        Raises:
          ConfigError: the trial was begun on other data.
        """
        self._name, self._config, self.directory = name, config, directory
        (directory / FAILED).unlink(missing_ok=True)
        provenance.record(directory / CONFIG, config, vmap_width, num_devices)
        task = build.task(config)
        vocabulary = task.vocabulary or task.pair_vocabulary or task.keyboard
        if vocabulary and not (directory / VOCABULARY).exists():
            files.write_json(directory / VOCABULARY, vocabulary.to_dict())
        batch = heldout.batch(config)
        self._example = examples.first(task, batch)
        if not (directory / EXAMPLE).exists():
            graph = heldout.graph(config, batch)
            if graph:
                files.write_json(directory / GRAPH, graph.to_dict())
            files.write_json(directory / EXAMPLE, self._example._asdict())
        self.performance = Performance(directory, config, vmap_width, num_devices)
        self._checkpoints = Checkpoints(directory / CHECKPOINTS)
        self._best = BestParameters(directory / BEST)
        self._open = contextlib.ExitStack()
        self._began, self._share = time.monotonic(), _FIGURE_TIME_SHARE / vmap_width
        self._drawing, self._pictures_take = 0.0, _FIGURE_SECONDS
        self._gradient = pictures.GradientPictures(name, config, self._example)
        self._picture_steps = pictures.steps(config)
        self._found: Best | None = None
        self._looked_at = 0

    def restore_latest(self, like: TrainState, at_most: int | None) -> tuple[int, TrainState] | None:
        """The newest step that is whole, the best parameters until then included, and its state; `None` without one.

        Raises:
          CheckpointError: the checkpoint is of another model.
          ValueError: the record is damaged.
        """
        records = read_metrics(self.directory / METRICS)
        while restored := self._checkpoints.restore_latest(like, at_most):
            until = [record for record in records if record["step"] <= restored[0]]
            if not until or until[-1]["step"] < restored[0]:
                return restored  # with a record that lacks steps, which is told where it is opened
            found = best(until, self._config.best_metric)
            if self._best.restore(found and found.step, like.params):
                return restored
            at_most = restored[0] - 1
        return None

    def begin(self, resume_step: int | None) -> None:
        """Go on from a step of the checkpoints, or from the start with `None`; what is there of later steps is void."""
        self._saved = resume_step
        self._checkpoints.discard_after(resume_step)
        self._best.discard_after(resume_step)
        for sample in (file for folder in (SAMPLES, FORECASTS) for file in (self.directory / folder).glob("*.*")):
            step = int(sample.name.partition(".")[0])  # what a kill has left has an ending more
            if resume_step is None or step > resume_step:
                sample.unlink()
        self._metrics = self._open.enter_context(MetricsFile(self.directory / METRICS, resume_step))
        # Before the events: TensorBoard reads files in their order, and none again once it has read the next.
        study = _study(self.directory)
        write_row(self.directory, self._config.to_dict(), study or [self._config.to_dict()])
        # Of a sweep its driver writes the columns, in one place. A trial can't: of many that run at once, and may die
        # at any moment, TensorBoard would take the columns of whichever it finds first.
        self._alone = not study
        if resume_step is not None:
            self._write_columns(final_tags(self._metrics.records[0]))
            self._board = self._open.enter_context(TensorBoard(self.directory, resume_step))

    def _start_board(self, first: dict[str, Any]) -> None:
        """Begin with the events once there is a record, since the columns before them depend on what is in it."""
        self._write_columns(final_tags(first))
        self._board = self._open.enter_context(TensorBoard(self.directory, None))
        self._board.settings(flatten_dict(self._config.to_dict()))
        if self._alone and (self.directory / GRAPH).exists():  # a sweep has pictures of all its trials together
            with contextlib.suppress(ValueError):  # it has none, as of a tree beside other parts
                graph = Graph.from_dict(files.read_json(self.directory / GRAPH))
                self._board.image(0, "computational_graph", png(draw_graph(graph)))

    def _write_columns(self, shown: list[str]) -> None:
        if self._alone:
            hparams.write_study(self.directory, hparams.columns([flatten_dict(self._config.to_dict())]), shown)

    def log(self, step: int, values: dict[str, Any], *, last: bool = False) -> None:
        """Add what was measured at a step, and pictures of it at some: see `pictures.steps`."""
        self._metrics.write(step, values)
        if step == 0:
            self._start_board(values)
        last = last or self.stopped is not None
        self._board.write(step, values)
        if last or step in self._picture_steps:
            records = self._metrics.records
            for tag, picture in self._gradient.draw(records[-1], records[0]):
                self._board.image(step, tag, picture)
            self._draw_others(step, last)

    def _draw_others(self, step: int, last: bool) -> None:
        """Pictures of the other diagnostics, at the end and before as far as there is time for them."""
        began = time.monotonic()
        # These, and the last ones that are still to come.
        if last or self._drawing + 2 * self._pictures_take < self._share * (began - self._began):
            for tag, picture in self._pictures():
                self._board.image(step, tag, picture)
            self._pictures_take = time.monotonic() - began
            self._drawing += self._pictures_take

    def sample(self, step: int, text: str) -> None:
        """Keep what a model of language wrote at a step."""
        files.write(self.directory / SAMPLES / f"{step}.txt", text.encode())
        self._board.text(step, SAMPLES, text)

    def show(self, step: int, outputs: list[Written]) -> None:
        """Keep what was written to some held-out examples at a step, with a picture of it at some."""
        records = [one._asdict() | {"example": one.example._asdict()} for one in outputs]
        files.write_json(self.directory / SAMPLES / f"{step}.json", {"written": records})
        if step in self._picture_steps or self.stopped is not None:
            title = f"{self._name}, step {step}: what it writes to held-out examples"
            self._board.image(step, SAMPLES, png(written.paint({"": outputs}, title), dpi=80))

    def show_forecasts(self, step: int, forecasts: list[Forecast]) -> None:
        """Keep what was forecast at a step over a stretch of time held out, with a picture of it at some."""
        files.write_json(self.directory / FORECASTS / f"{step}.json", {"series": [one._asdict() for one in forecasts]})
        if step in self._picture_steps or self.stopped is not None:
            title = f"{self._name}, step {step}: forecasts of what is held out"
            self._board.image(step, FORECASTS, png(forecast.paint({"": forecasts}, title), dpi=80))

    @property
    def best(self) -> Best | None:
        """The best measurement so far."""
        records = self._metrics.records
        self._found, self._looked_at = (
            best(records[self._looked_at :], self._config.best_metric, self._found),
            len(records),
        )
        return self._found

    @property
    def stopped(self) -> str | None:
        """Why training need not go on, if that is so."""
        patience = self._config.patience
        found = self.best if patience else None
        if found is None or found.waited < patience:
            return None
        return f"{self._config.best_metric} has not been better than at step {found.step} in {patience} measurements"

    def keep(self, step: int, params: Params) -> None:
        """Take the parameters of the best step, to be written with the next checkpoint."""
        if step % self._config.measure_every:
            self._best.save()  # a trial of more steps does not measure here, and goes on with the best before
        self._best.keep(step, params)

    def save(self, step: int, state: TrainState) -> None:
        """Commit the state of a step, unless it is there already."""
        if step != self._saved:
            # The record first: a checkpoint must never know of a step that the record lacks.
            self._board.write(step, self.performance.record(step))
            self._metrics.flush()
            self._board.flush()
            self._best.save()
            self._checkpoints.save(step, state)
            self._saved = step

    def finish(
        self,
        step: int,
        seconds: float,
        test: Callable[[Params], Tested] | None,
        last: Params,
        baselines: dict[str, dict[str, float]],
    ) -> None:
        """Mark the trial as done.

        Args:
          step: training steps done.
          seconds: of this session.
          test: what the test split tells of parameters; `None` where there is none.
          last: the parameters at the end. Those of the best measurement are tested too.
          baselines: what the test split tells of simple predictors, by name.
        """
        final = {tag: value for tag, value in self._metrics.records[-1].items() if isinstance(value, float)}
        found, stopped = self.best, self.stopped
        results: dict[str, Tested] = {}
        if test:
            results["last"] = test(last)
            if found:
                results["best"] = results["last"] if found.step == step else test(self._best.params)
        tested = {which: result.numbers for which, result in results.items()}
        self.close()
        for which, result in results.items():
            if result.predictions is not None:
                files.write_jsonl(self.directory / PREDICTIONS / f"{which}.jsonl", result.predictions)
        if tested:
            final |= {f"test/{which}/{name}": value for which, means in tested.items() for name, value in means.items()}
            self._write_columns(final_tags(final))
        hparams.end(self.directory, step, {tag: final[tag] for tag in final_tags(final)})
        measured = {tag: value for tag, value in final.items() if not tag.startswith("test/")}
        done: dict[str, Any] = {"steps": step, "seconds_of_last_session": round(seconds, 2), "final": measured}
        if stopped:
            done["stopped"] = stopped
        if found:
            done["best"] = {"step": found.step, self._config.best_metric: found.value}
        if tested:
            done["test"] = tested
        if baselines:
            done["baselines"] = baselines
        files.write_json(self.directory / DONE, done)

    def fail(self, failure: dict[str, Any]) -> None:
        """Say why the trial can't go on."""
        write_failure(self.directory, failure)
        with contextlib.suppress(OSError):  # there may be no room left, which may be the reason
            self.close()  # before the next file, as in `begin`
            hparams.end(self.directory, failure.get("step", 0), None)

    def close(self) -> None:
        """Put on disk all that was written."""
        self._open.close()

    def _pictures(self) -> Iterator[tuple[str, bytes]]:
        """Tag and PNG of what the last record measured, a picture a measurement and part of the model."""
        first, now = self._metrics.records[0], self._metrics.records[-1]
        title = f"{self._name}, step {now['step']}"
        now = now | {"example": self._example}
        for name in ("alignment", *self._config.diagnostics):
            if name == "state_gradient":
                continue  # which has a picture of its own
            for picture in figures.pictures(name, now, title, first, training=True):
                yield picture.tag, png(picture.figure, dpi=80)


def write_failure(directory: Path, failure: dict[str, Any]) -> None:
    """Write `FAILED.json`."""
    with contextlib.suppress(OSError):  # there may be no room left, which may be the reason
        files.write_json(directory / FAILED, failure)
