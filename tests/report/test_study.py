import json

import pytest

from rnnx.report import study
from tests.report.records import write_trial


def test_trials_are_grouped_over_seeds_and_named_by_what_varies(tmp_path):
    for seed in (0, 1):
        for length in (8, 16):
            # The rate differs between lengths, never within one: it tells nothing apart.
            rate = {"learning_rate": 0.1 / length}
            write_trial(tmp_path / f"rnn{length}{seed}", cell="rnn", length=length, seed=seed, settings=rate)
            for bias in (0.0, 1.0):
                with_bias = rate | {"cell.forget_bias": bias}
                where = tmp_path / f"lstm{length}{seed}{bias}"
                write_trial(where, cell="lstm", length=length, seed=seed, settings=with_bias)
    found = study.read(tmp_path)
    assert set(found.variants) == {"rnn", "lstm (forget bias 0)", "lstm (forget bias 1)"}
    assert found.tasks == ["adding"]
    assert found.lengths("adding") == [8, 16]
    assert len(found.groups) == 6
    assert all([trial.settings["seed"] for trial in group.trials] == [0, 1] for group in found.groups)


def test_a_shared_setting_that_differs_between_cells_is_named(tmp_path):
    write_trial(tmp_path / "a", cell="rnn", settings={"learning_rate": 0.01})
    write_trial(tmp_path / "b", cell="gru", settings={"learning_rate": 0.001})
    assert study.read(tmp_path).variants == ["rnn (learning rate 0.01)", "gru (learning rate 0.001)"]


def test_options_of_a_task_make_tasks_of_their_own(tmp_path):
    write_trial(tmp_path / "a", task="characters", settings={"task.corpus": "one"})
    write_trial(tmp_path / "b", task="characters", settings={"task.corpus": "two"})
    write_trial(tmp_path / "c", task="adding")
    assert study.read(tmp_path).tasks == ["characters (corpus one)", "characters (corpus two)", "adding"]


def test_the_order_and_the_missing_trials_are_those_of_the_sweep(tmp_path):
    for name in ("a", "b", "c"):
        write_trial(tmp_path / name, cell=name)
    (tmp_path / "study.json").write_text(json.dumps({"trials": dict.fromkeys(["c", "x", "a", "b"])}))
    found = study.read(tmp_path)
    assert found.variants == ["c", "a", "b"]
    assert found.not_started == ("x",)


def test_a_workdir_may_be_one_trial(tmp_path):
    write_trial(tmp_path / "one")
    write_trial(tmp_path / "one" / "checkpoints" / "not_a_trial")  # what lies inside a trial is its own affair
    (trial,) = study.read(tmp_path / "one").trials
    assert trial.name == "one"


def test_state_and_extent_of_every_trial(tmp_path):
    write_trial(tmp_path / "a", cell="a")
    write_trial(tmp_path / "b", cell="b", status="failed", measured=2, error="Diverged: at step 13")
    write_trial(tmp_path / "c", cell="c", status="unfinished", measured=1)
    write_trial(tmp_path / "d", cell="d", status="unfinished", measured=0)
    a, b, c, d = study.read(tmp_path).trials
    assert [trial.status for trial in (a, b, c, d)] == ["done", "failed", "unfinished", "unfinished"]
    assert b.error == "Diverged: at step 13"
    assert [trial.last_step for trial in (a, b, c, d)] == [20, 10, 0, 0]
    assert [trial.before.get("step") for trial in (a, b, c, d)] == [0, 0, 0, None]
    # Nothing is called "after training" that was measured before it.
    assert [trial.after.get("step") for trial in (a, b, c, d)] == [20, 10, None, None]


def test_a_directory_that_is_not_there_names_the_nearest(tmp_path):
    (tmp_path / "gradient_flow").mkdir()
    with pytest.raises(ValueError, match=r"gradent_flow is not a directory; did you mean .*/gradient_flow\?"):
        study.read(tmp_path / "gradent_flow")


def test_a_directory_without_trials(tmp_path):
    with pytest.raises(ValueError, match="holds no trial"):
        study.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"config": ', r"a/config\.json: not a JSON file"),
        ("[]", r"a/config\.json: not a JSON object"),
        ('{"config": 3}', r"a/config\.json is not the record of a run: it lacks task\.name"),
        ('{"config": {"cell": {"name": "rnn"}, "seed": 0}}', r"it lacks task\.name, task\.length"),
    ],
)
def test_a_damaged_config_is_named(tmp_path, content, message):
    write_trial(tmp_path / "a")
    (tmp_path / "a" / "config.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        study.read(tmp_path)


def test_analyses_are_read_beside_the_records(tmp_path):
    analysis = {"lyapunov": {"lyapunov/largest": -0.1}, "omega": {"omega/value": 2.0}}
    write_trial(tmp_path / "a", analysis=analysis, initial={"lyapunov": {"lyapunov/largest": -0.7}})
    (trial,) = study.read(tmp_path).trials
    assert trial.analysis == {"lyapunov/largest": -0.1, "omega/value": 2.0}
    assert trial.analysed == {"lyapunov/largest": 20, "omega/value": 20}
    assert trial.first["lyapunov/largest"] == -0.7
    assert trial.latest["lyapunov/largest"] == -0.1
    assert trial.latest["heldout/loss"] == trial.after["heldout/loss"]
    assert trial.folder == "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"step": ', r"a/analysis/lyapunov\.json: not a JSON file"),
        ("[1]", r"a/analysis/lyapunov\.json: not a JSON object"),
        ('{"step": 3}', r"a/analysis/lyapunov\.json is not the record of an analysis: it lacks values or step"),
        ('{"values": {}}', r"a/analysis/lyapunov\.json is not the record of an analysis: it lacks values or step"),
    ],
)
def test_a_damaged_analysis_is_named(tmp_path, content, message):
    write_trial(tmp_path / "a", analysis={"lyapunov": {}})
    (tmp_path / "a" / "analysis" / "lyapunov.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        study.read(tmp_path)
