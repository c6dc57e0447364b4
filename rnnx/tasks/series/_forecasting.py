"""What tasks that forecast series share: windows, targets, the split by time, and what is told of a whole split.

    x_{t-h-T+1} … x_{t-h}  the window, scaled        x_t, its first O columns, the target, h steps after the window ends

An example is a target t; each part of the series has its own targets, and their windows reach back over the border into
the part before. The forecast is the last output of a model, `outputs[-1]`, so that one with an output a step and one
with a single output, `[1, B, O]`, both serve.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks.series import _baselines, _moments
from rnnx.types import Array, Batch, Example, Forecast, Scores, Stretch, Task

_SHOWN, _STEPS = 4, 200
"""Series, and targets, of the stretch that people see."""


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Series, their parts and their scale: all but the window."""

    columns: tuple[str, ...]
    values: np.ndarray
    """[N, m], as they are in the data; the first O columns are forecast."""
    outputs: int
    """O."""
    horizon: int
    """h."""
    train: range
    """The targets to train on."""
    heldout: range
    test: range
    shift: np.ndarray
    """[m]; a network is given (values - shift) / scale."""
    scale: np.ndarray
    """[m]; 0 nowhere."""
    data: Mapping[str, str]
    """As `Task.data`."""
    time: str
    """What steps are, for axes: hours, say."""
    start: float = 0.0
    """The time of the first row, in these."""
    labels: tuple[str, ...] = ()
    """What the data call each row."""
    fitted: range | None = None
    """The targets that baselines are fitted to, where these are not those of `train`."""
    orders: tuple[int, ...] = ()
    """Orders of linear autoregressions among the baselines, beside that of the whole window."""

    @functools.cached_property
    def scaled(self) -> np.ndarray:
        """[N, m], float32."""
        return ((self.values - self.shift) / self.scale).astype(np.float32)

    @functools.cached_property
    def standard(self) -> _moments.Standard:
        """Mean and spread of the targets to test on, column by column, in scaled numbers."""
        return _moments.standard_of(self.scaled[self.test.start : self.test.stop, : self.outputs].astype(float))

    def spread(self, values: np.ndarray) -> float:
        """Standard deviation of all values to test on together, by the n - 1 of all and the n of rows, as of LSTNet."""
        targets = values[self.test.start : self.test.stop, : self.outputs].astype(float)
        rows = len(targets)
        return float(targets.std(ddof=1) * np.sqrt((rows - 1) / rows)) if targets.size > 1 else np.nan

    def of(self, part: range, window: int, told: str) -> range:
        """The targets of a part before which there is a whole window.

        Raises:
          ValueError: there is none.
        """
        longest = part.stop - self.horizon
        checks.size("length", window)
        if window > longest:
            raise ValueError(
                f"length must be at most {longest}, so that a window of so many {self.time} fits in before what "
                f"{told}, not {window}."
            )
        return range(max(part.start, window + self.horizon - 1), part.stop)


Summary = Callable[[dict[str, Any]], dict[str, float]]


def forecasting(
    problem: Problem,
    window: int,
    *,
    absolute: bool = False,
    marked: Callable[[Array, Array], Array] | None = None,
    scores: Callable[[Array, Array, Batch], Scores] | None = None,
    summary: Summary | None = None,
    loss_unit: str = "",
) -> Task:
    """The task to forecast.

    Inputs `[T, B, m]`, targets `[1, B, O]`, both scaled; weights `[B]`; outputs `[·, B, O]`, of which the last is the
    forecast.

    Args:
      problem: what is to be forecast.
      window: T of the test split, of the baselines and of what is shown; `Task.with_window` is the same with another.
      absolute: the loss is |error|, and not its square.
      marked: (targets `[1, B, O]`, t `[B]`) -> targets with what else scores must know, in further columns.
      scores: (forecasts `[B, O]`, values `[B, O]`, batch) -> scores beside `skill` and the moments.
      summary: further numbers from the means over a split.
      loss_unit: of the loss, if not by `absolute`.
    """
    options: dict[str, Any] = {"absolute": absolute, "marked": marked, "scores": scores, "summary": summary}
    h, O = problem.horizon, problem.outputs
    x = jnp.asarray(problem.scaled)

    def batch(t: Array | np.ndarray, T: int) -> Batch:
        ends = jnp.asarray(t, jnp.int32) - h
        targets = x[ends + h, :O][None]
        return Batch(
            inputs=x[ends - (T - 1) + jnp.arange(T, dtype=jnp.int32)[:, None]],
            targets=marked(targets, ends + h) if marked else targets,
            weights=jnp.ones(len(ends)),
        )

    def sampler(part: range, told: str) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            targets = problem.of(part, length, told)
            return batch(jax.random.randint(key, (batch_size,), targets.start, targets.stop), length)

        return sample

    def losses(outputs: Array, batch: Batch) -> Array:
        errors = outputs[-1] - batch.targets[0, :, :O]
        return jnp.mean(jnp.abs(errors) if absolute else jnp.square(errors), axis=-1)

    def all_scores(outputs: Array, batch: Batch) -> Scores:
        forecast, values = outputs[-1], batch.targets[0, :, :O]
        of_last = jnp.mean(jnp.square(batch.inputs[-1, :, :O] - values), axis=-1)
        least = jnp.maximum(of_last, _LEAST)  # where the last value is right the error counts all the same
        skill = (of_last - jnp.mean(jnp.square(forecast - values), axis=-1)) / least
        found: Scores = {
            "skill": (skill, batch.weights * least),
            "moments": (_moments.moments(forecast, values, problem.standard), batch.weights),
        }
        return found | (scores(forecast, values, batch) if scores else {})

    def numbers(means: dict[str, Any]) -> dict[str, float]:
        columns = _moments.of_columns(means["moments"], problem.standard)
        scale = problem.scale[:O]
        of_all = {
            "mae": float(np.mean(columns.absolute)),
            "rse": float(np.sqrt(np.mean(columns.squared * scale**2)) / problem.spread(problem.values)),
            "corr": columns.corr,
        }
        return of_all | (summary(means) if summary else {})

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        t = np.asarray(problem.of(problem.test, window, "is tested on"))
        made = jax.jit(functools.partial(batch, T=window))
        return (made(t[n : n + batch_size]) for n in range(0, len(t), batch_size))

    def baseline_loss(length: int) -> float:
        targets = np.asarray(problem.of(problem.heldout, length, "is held out"))
        errors = problem.scaled[targets, :O].astype(float) - problem.scaled[targets - h, :O]
        return float(np.mean(np.abs(errors) if absolute else errors**2))

    shown = range(problem.heldout.start, min(problem.heldout.stop, problem.heldout.start + _STEPS))

    def stretch() -> Batch:
        return batch(np.asarray(problem.of(shown, window, "is held out")), window)

    return Task(
        sample=sampler(problem.train, "is trained on"),
        sample_heldout=sampler(problem.heldout, "is held out"),
        losses=losses,
        scores=all_scores,
        baseline_loss=baseline_loss,
        input_size=len(problem.columns),
        output_size=O,
        loss_unit=loss_unit or f"mean {'absolute' if absolute else 'squared'} error (of scaled values)",
        data=problem.data,
        test_batches=test_batches,
        summary=numbers,
        baselines=_baselines.baselines(problem, window),
        example=functools.partial(_example, problem),
        with_window=lambda length: forecasting(problem, length, loss_unit=loss_unit, **options),
        stretch=Stretch(stretch, lambda outputs: _shown(problem, problem.of(shown, window, ""), outputs)),
    )


_LEAST = 1e-12


def _example(problem: Problem, batch: Batch) -> Example:
    """The window of the first example, and its target."""
    window, h = np.asarray(batch.inputs)[:, 0], problem.horizon
    target = np.asarray(batch.targets)[0, 0, : problem.outputs]
    ahead = f"{h} {problem.time} on" if h > 1 else "next"
    return examples.series(window[:, :_SHOWN], list(problem.columns[:_SHOWN]), target[:_SHOWN], ahead)


def _shown(problem: Problem, targets: range, outputs: Any) -> list[Forecast]:
    """What was forecast of the first series, as they are in the data."""
    t = np.asarray(targets)
    some = min(problem.outputs, _SHOWN)
    forecast = np.asarray(outputs, float)[-1, :, :some] * problem.scale[:some] + problem.shift[:some]

    def listed(values: np.ndarray) -> list[float]:
        return [float(f"{value:.6g}") for value in values]

    return [
        Forecast(
            name=problem.columns[n],
            time=problem.time if problem.start or problem.labels else f"{problem.time} from the start",
            at=listed(problem.start + t),
            labels=[problem.labels[row] for row in t] if problem.labels else [],
            truth=listed(problem.values[t, n]),
            forecast=listed(forecast[:, n]),
            last=listed(problem.values[t - problem.horizon, n]),
        )
        for n in range(some)
    ]
