"""What all tasks that forecast keep to, on series of which everything is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.data import DataError
from rnnx.tasks.series import _forecasting, _moments
from rnnx.tasks.series.series import series
from rnnx.training.evaluation import evaluate
from rnnx.types import Batch

N, T, H = 100, 7, 3
ROWS = np.arange(N)
ALL = "row, wind, sun"


def table(values, names):
    return "\n".join([",".join(names), *(",".join(f"{x:.17g}" for x in row) for row in values)])


@pytest.fixture
def counting(tmp_path):
    """A file whose first column is the number of its row, so that a value tells where it stands, and two more."""
    random = np.random.default_rng(0).normal(size=(N, 2))
    return save(tmp_path, np.column_stack([ROWS, random]))


def save(directory, values):
    path = directory / "m.csv"
    path.write_text(table(values, ["row", "wind", "sun"]))
    return str(path)


def rows_of(scaled):
    """The numbers of the rows of a scaled first column, whose scale is that of rows 0 … 59 alone."""
    return np.rint(np.asarray(scaled, float) * ROWS[:60].std() + ROWS[:60].mean()).astype(int)


def drawn(sample, count=500):
    return jax.tree.map(np.asarray, sample(jax.random.key(0), count, T))


def test_a_window_ends_a_horizon_before_its_target_and_is_in_the_order_of_time(counting):
    task = series(path=counting, columns=ALL, horizon=H).with_window(T)
    for batch in (drawn(task.sample), drawn(task.sample_heldout), *task.test_batches(8)):
        window, target = rows_of(batch.inputs[..., 0]), rows_of(batch.targets[0, :, 0])
        np.testing.assert_array_equal(window, target - H - np.arange(T)[::-1, None])
        assert batch.weights.shape == target.shape
        assert (np.asarray(batch.weights) == 1).all()


def test_each_target_is_in_one_part_and_windows_reach_back_over_the_border(counting):
    task = series(path=counting, columns=ALL, horizon=H).with_window(T)
    train, heldout = (drawn(sample) for sample in (task.sample, task.sample_heldout))
    tested = [rows_of(batch.targets[0, :, 0]) for batch in task.test_batches(8)]
    # All of them are drawn in 500: one of 51 is left out with a chance of 51 (50/51)^500 = .003, under a fixed key.
    assert set(rows_of(train.targets[0, :, 0])) == set(range(T + H - 1, 60))
    assert set(rows_of(heldout.targets[0, :, 0])) == set(range(60, 80))
    assert np.concatenate(tested).tolist() == list(range(80, 100))
    assert rows_of(heldout.inputs[..., 0]).min() == 60 - H - T + 1


def test_what_comes_later_changes_nothing_of_what_is_trained_on(tmp_path, counting):
    """Neither a value nor its scale."""
    values = np.column_stack([ROWS, np.random.default_rng(0).normal(size=(N, 2))])
    before = series(path=counting, columns=ALL, horizon=H)
    values[60:] *= 1000
    (tmp_path / "other").mkdir()
    after = series(path=save(tmp_path / "other", values), columns=ALL, horizon=H)
    jax.tree.map(np.testing.assert_array_equal, drawn(after.sample), drawn(before.sample))
    assert not np.array_equal(drawn(after.sample_heldout).targets, drawn(before.sample_heldout).targets)


def test_targets_are_the_first_columns_of_what_is_read(counting):
    task = series(path=counting, columns="wind, row", targets="row").with_window(T)
    assert (task.input_size, task.output_size) == (2, 1)
    batch = drawn(task.sample)
    assert batch.targets.shape == (1, 500, 1)
    np.testing.assert_array_equal(rows_of(batch.inputs[-1, :, 0]) + 1, rows_of(batch.targets[0, :, 0]))


def score_of(task, predict):
    def score(params, batch, states):
        outputs = predict(batch)
        return {"loss": (task.losses(outputs, batch), batch.weights)} | task.scores(outputs, batch), None

    return jax.jit(score)


def guesses(problem, outputs=2):
    """What some network says to each target, which it is told by the number of its row."""
    table = np.random.default_rng(1).normal(size=(N, outputs)).astype(np.float32)
    return table, lambda batch: jnp.asarray(table)[jnp.rint(batch.targets[0, :, 0]).astype(int)][None]


@pytest.fixture(scope="module")
def problem():
    """Of two series whose scale is 1 and 10, the first of which is the number of the row."""
    values = np.column_stack([ROWS, 10 * np.random.default_rng(2).normal(size=N)])
    parts = {"train": range(60), "heldout": range(60, 80), "test": range(80, N)}
    scale = np.array([1.0, 10.0])
    return _forecasting.Problem(("row", "b"), values, 2, H, **parts, shift=np.zeros(2), scale=scale, data={}, time="s")


def test_numbers_of_a_split_are_those_of_numpy_whatever_the_batch_size(problem):
    task = _forecasting.forecasting(problem, T)
    forecast, predict = guesses(problem)
    y, p = problem.values[80:], forecast[80:].astype(float) * problem.scale
    x = y / problem.scale
    last = problem.values[80 - H : N - H]
    expected = {
        "loss": np.mean((p / problem.scale - x) ** 2),
        "skill": 1 - np.mean(((p - y) / problem.scale) ** 2) / np.mean(((last - y) / problem.scale) ** 2),
        "mae": np.mean(np.abs(p / problem.scale - x)),
        "rse": np.sqrt(np.mean((p - y) ** 2)) / (y.std(ddof=1) * np.sqrt(19 / 20)),
        "corr": np.mean([np.corrcoef(p[:, n], y[:, n])[0, 1] for n in range(2)]),
    }
    for size in (1, 7, 20):
        found = evaluate(score_of(task, predict), None, task.test_batches(size), task.summary)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name  # float32 rounds at 6e-8


def test_the_loss_may_be_that_of_absolute_errors(problem):
    task = _forecasting.forecasting(problem, T, absolute=True)
    _, predict = guesses(problem)
    found = evaluate(score_of(task, predict), None, task.test_batches(7), task.summary)
    assert found["loss"] == pytest.approx(found["mae"], rel=1e-6)
    errors = np.abs(problem.values[60:80] - problem.values[60 - H : 80 - H]) / problem.scale
    assert task.baseline_loss(T) == pytest.approx(errors.mean(), rel=1e-6)


def test_a_constant_forecast_has_no_correlation_and_a_constant_series_has_no_part_in_it(problem):
    standard = _moments.Standard(np.array([3.0, -1.0, 2.0]), np.array([2.0, 1.0, 1.0]))
    rng = np.random.default_rng(0)
    y = jnp.asarray(np.column_stack([rng.normal(3, 2, 50), rng.normal(-1, 1, 50), np.full(50, 2.0)]), jnp.float32)

    def corr(p):
        return _moments.of_columns(np.asarray(_moments.moments(p, y, standard), float).mean(axis=0), standard).corr

    assert corr(y) == pytest.approx(1, abs=1e-6)
    assert corr(-3 * y + 7) == pytest.approx(-1, abs=1e-6)
    assert corr(y.at[:, 0].set(1234.5)) == pytest.approx(0.5, abs=1e-6)  # one of two
    assert corr(jnp.full_like(y, 0.1)) == 0
    assert np.isnan(corr(y.at[3, 0].set(jnp.nan)))
    y = jnp.full_like(y, 2.0)
    assert np.isnan(corr(y))


def test_the_last_output_is_the_forecast(problem):
    """Of a model with an output a step, and of one with a single output."""
    task = _forecasting.forecasting(problem, T)
    batch = task.sample(jax.random.key(0), 4, T)
    outputs = jax.random.normal(jax.random.key(1), (T, 4, 2))
    np.testing.assert_array_equal(task.losses(outputs, batch), task.losses(outputs[-1:], batch))
    assert not np.array_equal(task.losses(outputs, batch), task.losses(outputs[:1], batch))
    perfect = jnp.concatenate([outputs, batch.targets])
    assert not np.asarray(task.losses(perfect, batch)).any()
    assert np.asarray(task.scores(perfect, batch)["skill"][0]) == pytest.approx(1)


def test_simple_predictors_say_what_their_names_say(problem):
    """Persistence, the mean, and an autoregression that finds the rule of a series that has one."""
    random = np.random.default_rng(3)
    values = np.zeros((N, 2))
    values[:2] = random.normal(size=(2, 2))
    for t in range(2, N):  # a rotation of its own for each, and a constant
        values[t] = 1 + np.array([1.6, 1.2]) * values[t - 1] - values[t - 2]
    of = dataclasses.replace(problem, columns=("a", "b"), values=values, horizon=1, scale=np.ones(2), orders=(2,))
    task = _forecasting.forecasting(of, T)
    assert list(task.baselines) == ["persistence", "window mean"] + [
        f"AR({order}) {kind}" for order in (2, T) for kind in ("shared", "per series")
    ]
    batch = next(iter(task.test_batches(20)))
    np.testing.assert_array_equal(task.baselines["persistence"](batch)[-1], batch.inputs[-1])
    np.testing.assert_allclose(task.baselines["window mean"](batch)[-1], batch.inputs.mean(axis=0), rtol=1e-5)
    found = task.baselines["AR(2) per series"](batch)[-1]
    np.testing.assert_allclose(found, batch.targets[0], atol=1e-4 * np.abs(values).max())  # float32, in some sums
    # Weights that two rotations share fit neither.
    shared = task.baselines["AR(2) shared"](batch)[-1]
    assert np.abs(shared - batch.targets[0]).max() > 0.1


def test_the_task_with_another_window_is_the_same_but_for_that(problem):
    task = _forecasting.forecasting(problem, T)
    other = task.with_window(11)
    (batch,) = other.test_batches(20)
    assert batch.inputs.shape == (11, 20, 2)
    np.testing.assert_array_equal(batch.targets, next(iter(task.test_batches(20))).targets)
    assert "AR(11) shared" in other.baselines


@pytest.mark.parametrize("length", [58, 1000])
def test_a_window_that_does_not_fit_is_told(problem, length):
    task = _forecasting.forecasting(problem, T)
    with pytest.raises(ValueError, match=rf"^length must be at most 57, so that .* is trained on, not {length}\.$"):
        task.sample(jax.random.key(0), 4, length)
    assert task.sample(jax.random.key(0), 4, 57).inputs.shape == (57, 4, 2)


def test_what_is_shown_is_a_stretch_that_is_held_out_as_it_is_in_the_data(counting):
    task = series(path=counting, columns=ALL, horizon=H).with_window(T)
    batch = task.stretch.batch()
    assert rows_of(batch.targets[0, :, 0]).tolist() == list(range(60, 80))
    row, wind, _ = task.stretch.shown(np.concatenate([np.zeros_like(batch.targets), batch.targets]))
    assert (row.name, wind.name, row.time) == ("row", "wind", "rows from the start")
    assert row.at == row.truth == list(range(60, 80))
    np.testing.assert_allclose(row.forecast, row.truth, rtol=1e-4)  # float32
    assert row.last == list(range(60 - H, 80 - H))
    assert row.labels == []


def test_an_example_is_the_window_in_the_order_of_time_and_what_comes_after_it(counting):
    task = series(path=counting, columns=ALL, targets="wind, row", horizon=H).with_window(T)
    batch = drawn(task.sample_heldout, 2)
    example = task.example(batch)
    np.testing.assert_allclose(np.transpose(example.data["values"]), batch.inputs[:, 0], rtol=1e-3)  # four digits
    np.testing.assert_allclose(example.data["targets"], batch.targets[0, 0], rtol=1e-3)
    assert (example.data["names"], example.data["ahead"]) == (["wind", "row", "sun"], "3 rows on")
    assert (example.steps, example.scored) == ({"": T}, T - 1)


def test_dates_are_what_rows_are_called(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("day,a\n" + "\n".join(f"2026-01-{n + 1:02},{n % 5}" for n in range(30)))
    (forecast,) = (stretch := series(path=str(path)).with_window(4).stretch).shown(stretch.batch().targets)
    assert forecast.labels[0] == "2026-01-19"
    assert len(forecast.labels) == 6


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": ""}, DataError, "the task 'series' reads a file of yours: set task.path to .*"),
        ({"columns": ""}, DataError, ".*: column 'row' counts the rows, .* such as task.columns=wind,sun."),
        ({"columns": "row,wnid"}, DataError, ".*m.csv has no column 'wnid'; did you mean 'wind'[?]"),
        ({"columns": "row", "targets": "wind"}, DataError, "task.targets: .* have no 'wind'; they are 'row'."),
        ({"targets": "rwo"}, DataError, "task.targets: .* have no 'rwo'; did you mean 'row'[?]"),
        ({"targets": "row, row"}, DataError, "task.targets: 'row' is named twice."),
        ({"horizon": 0}, ValueError, "horizon must be a whole number of at least 1, not 0."),
        ({"horizon": 60}, ValueError, ".*m.csv is too short: of its 100 rows 60 are to train on, .*"),
    ],
)
def test_what_can_not_be_is_told_in_one_line(counting, options, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        series(**{"path": counting, "columns": ALL} | options)


def test_a_time_that_has_been_taken_for_a_series_is_told(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text('t,"a, m"\n' + "\n".join(f"{n / 10},{n % 7}" for n in range(20)))
    with pytest.raises(DataError, match=r"^.*: column 't' counts the rows, .* such as task.columns=\"a, m\"\.$"):
        series(path=str(path))
    assert series(path=str(path), columns='"a, m"').input_size == 1
    assert series(path=str(path), columns='t,"a, m"').input_size == 2


DAYS = [20260102, 20260105, 20260106, *range(20260107, 20260124)]  # no step is as the one before


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (DAYS, True),
        (DAYS[::-1], True),
        (np.repeat(DAYS, 24), True),
        (np.arange(40) // 2, False),
        ([*DAYS[:-1], 3], False),
    ],
    ids=["days", "newest first", "hours", "a number that rests", "one that goes up and down"],
)
def test_a_date_that_is_a_number_is_told(tmp_path, values, counts):
    path = tmp_path / "m.csv"
    path.write_text("day,a\n" + "\n".join(f"{value},{n % 7}" for n, value in enumerate(values)))
    if not counts:
        assert series(path=str(path)).input_size == 2
        return
    with pytest.raises(DataError, match=r"^.*: column 'day' counts the rows, as .* task.columns=a\.$"):
        series(path=str(path))


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_of_few_rows_is_too_short(tmp_path, rows):
    path = tmp_path / "m.csv"
    path.write_text("a\n" + "\n".join(map(str, range(rows))))
    with pytest.raises(ValueError, match=r"^.*m\.csv is too short: of its \d rows .*\.$"):
        series(path=str(path))


def test_where_nothing_changes_there_is_nothing_to_learn_but_a_column_may_be_constant(tmp_path):
    path = tmp_path / "m.csv"
    # The mean of 0.1s is not 0.1 in float64; what comes after them is no 10¹⁶ deviations away.
    path.write_text("a,b\n" + "\n".join(f"{0.1 if n < 17 else 0.2},{n % 7}" for n in range(20)))
    with pytest.raises(ValueError, match=r"^.*: where nothing changes in the 12 rows to train on there .*\.$"):
        series(path=str(path), targets="a")
    task = series(path=str(path)).with_window(3)
    batch = task.sample(jax.random.key(0), 4, 3)
    assert np.abs(np.asarray(batch.inputs)[..., 0]).max() < 1e-6
    (batch,) = task.test_batches(4)
    np.testing.assert_allclose(batch.targets[0, :, 0], [0, 0.1, 0.1, 0.1], atol=1e-6)


def test_a_model_with_an_output_a_step_learns_a_wave(tmp_path):
    """The sequence model as it is: its gradient is that of the last output."""
    path = tmp_path / "m.csv"
    path.write_text("a\n" + "\n".join(map(str, np.sin(0.5 * np.arange(300)))))
    task = series(path=str(path)).with_window(8)
    batch = task.sample(jax.random.key(0), 4, 8)
    gradient = jax.grad(lambda outputs: task.losses(outputs, batch).sum())(jnp.zeros((8, 4, 1)))
    assert not np.asarray(gradient)[:-1].any()
    assert np.asarray(gradient)[-1].all()
    assert isinstance(batch, Batch)
    assert rnnx.tasks.get("series") is series
