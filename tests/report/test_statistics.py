import numpy as np

from rnnx.report.statistics import median_range, of_seeds, over_steps
from rnnx.report.trial import Trial

inf, nan = np.inf, np.nan


def test_spread_is_median_minimum_and_maximum_of_each_column():
    values = median_range([[3.0, 1.0, nan, nan], [1.0, -inf, 5.0, nan], [2.0, -inf, 4.0, nan], [9.0, 2.0, nan, nan]])
    # By hand: column 0 is 1, 2, 3, 9. Column 1 is -inf, -inf, 1, 2. Column 2 has two numbers. Column 3 has none.
    np.testing.assert_array_equal(values.median, [2.5, -inf, 4.5, nan])
    np.testing.assert_array_equal(values.low, [1.0, -inf, 4.0, nan])
    np.testing.assert_array_equal(values.high, [9.0, 2.0, 5.0, nan])


def test_spread_of_one_seed_is_the_seed():
    assert median_range([0.25]) == (0.25, 0.25, 0.25)


def trial(*records):
    return Trial("", "done", "", {}, {}, records)


def test_steps_that_a_trial_lacks_are_nan():
    long = trial({"step": 0, "a": 1.0}, {"step": 10, "a": 2.0}, {"step": 20, "b": 0.0}, {"step": 30, "a": 3.0})
    short = trial({"step": 0, "a": 4.0})
    steps, values = over_steps([long, short, trial()], "a")
    np.testing.assert_array_equal(steps, [0, 10, 30])
    np.testing.assert_array_equal(values, [[1, 2, 3], [4, nan, nan], [nan, nan, nan]])


def test_curves_over_steps_keep_their_lags():
    _, values = over_steps([trial({"step": 5, "a": [1.0, 2.0]}), trial()], "a")
    np.testing.assert_array_equal(values, [[[1, 2]], [[nan, nan]]])
    assert over_steps([trial()], "a")[0].size == 0


def test_an_analysis_is_a_point_at_its_step():
    analysed = Trial("", "done", "", {}, {}, ({"step": 0, "a": 1.0},), {"a": 5.0}, {"a": 20}, {"a": 0.5})
    steps, values = over_steps([analysed], "a")
    np.testing.assert_array_equal(steps, [0, 20])
    np.testing.assert_array_equal(values, [[0.5, 5.0]])


def test_of_seeds_leaves_out_trials_that_lack_a_tag():
    trials = [trial({"step": 0, "heldout/loss": 0.0, "a": value}) for value in (3.0, 1.0)]
    np.testing.assert_array_equal(of_seeds([*trials, trial({"step": 0})], "first", "a"), [3.0, 1.0])
    assert of_seeds([trial()], "latest", "a") is None
