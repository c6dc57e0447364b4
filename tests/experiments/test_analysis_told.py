"""What an analysis says: whose a picture is, and the few numbers that stand for a measurement."""

import dataclasses
import json

import pytest

import rnnx
from experiments import config
from experiments.analysis import results, titles
from experiments.analysis.results import Result
from experiments.trials.trial import Trial
from tests.experiments import study_small


def trial(directory, name, **settings):
    given = study_small.get_config()
    for field, value in settings.items():
        section, _, option = field.rpartition("__")
        setattr(getattr(given, section) if section else given, option, value)
    return Trial(name, config.parse(given), directory / name)


def study_of(directory, trials):
    directory.mkdir(exist_ok=True)
    planned = {one.name: one.config.to_dict() for one in trials}
    (directory / "study.json").write_text(json.dumps({"study": "made_up", "trials": planned}))
    return trials


def test_a_title_says_the_cell_what_varies_and_task_length_and_seed(tmp_path):
    made = study_of(
        tmp_path,
        [
            trial(tmp_path, f"adding/{name}/T{length}/seed3", seed=3, cell__name=name, task__length=length, **options)
            for length in (5, 9)
            for name, options in (("lstm", {}), ("gru", {}))
        ]
        + [trial(tmp_path, "adding/lstm,0/T5/seed3", seed=3, cell__name="lstm", cell__forget_bias=0.0)],
    )
    assert list(titles.titles(made).values()) == [
        "LSTM, forget bias 1, adding, T = 5, seed 3",
        "GRU, adding, T = 5, seed 3",
        "LSTM, forget bias 1, adding, T = 9, seed 3",
        "GRU, adding, T = 9, seed 3",
        "LSTM, forget bias 0, adding, T = 5, seed 3",
    ]


def test_a_title_is_the_same_from_the_study_and_from_the_trial_alone(tmp_path):
    made = study_of(
        tmp_path, [trial(tmp_path, f"a/{bias}", cell__name="lstm", cell__forget_bias=bias) for bias in (0.0, 2.0)]
    )
    together = titles.titles(made)
    for one in made:
        alone = one._replace(name=one.directory.name)  # as it is called where its directory is given
        assert titles.titles([alone])[one.directory] == together[one.directory]
    assert set(together.values()) == {f"LSTM, forget bias {bias}, adding, T = 5, seed 0" for bias in (0, 2)}


def test_a_trial_of_no_study_and_one_that_a_study_does_not_plan_have_titles(tmp_path):
    alone = trial(tmp_path, "one", cell__name="gru", task__name="copy_memory", task__length=25)
    assert titles.titles([alone]) == {alone.directory: "GRU, copy memory, T = 25, seed 0"}
    study_of(tmp_path, [trial(tmp_path, "other")])
    assert titles.titles([alone]) == {alone.directory: "GRU, copy memory, T = 25, seed 0"}


def test_a_title_names_the_model_that_is_not_the_usual_one(tmp_path):
    alone = trial(tmp_path, "one", cell__name="gru")
    alone.directory.mkdir()
    for usual, title in (("dsanet", "GRU"), ("sequence", "DSANet")):
        there = {"config": {}, "task_facts": {"model": usual}}
        (alone.directory / "config.json").write_text(json.dumps(there))
        made = alone._replace(config=dataclasses.replace(alone.config, model=config.Section("dsanet", ())))
        assert titles.titles([made]) == {alone.directory: f"{title}, adding, T = 5, seed 0"}


def test_a_damaged_record_of_another_trial_costs_no_title(tmp_path):
    made = study_of(tmp_path, [trial(tmp_path, f"a/{name}", cell__name=name) for name in ("gru", "lstm")])
    made[1].directory.mkdir(parents=True)
    (made[1].directory / "config.json").write_text("{")
    assert titles.titles(made[:1]) == {made[0].directory: "GRU, adding, T = 5, seed 0"}


@pytest.mark.parametrize(
    ("variant", "title"),
    [
        ("lstm", "LSTM"),
        ("mingru (hidden size 4, learning rate 0.1)", "minGRU, hidden size 4, learning rate 0.1"),
        ("bag_of_words", "bag of words"),
        ("da_rnn", "DA-RNN"),
        ("encoder_decoder gru (attention dot)", "encoder decoder GRU, attention dot"),
        ("my_cells:tricky (sharpness 3)", "my_cells:tricky, sharpness 3"),
    ],
)
def test_a_network_is_called_as_in_print(variant, title):
    assert titles._network(variant) == title


def result(directory, name="lyapunov", trial="a/seed0", **values):
    record = {
        "step": 10,
        "precision": "float64",
        "examples": 8,
        "values": {f"{name}/{tag}": v for tag, v in values.items()},
    }
    return Result(trial, f"RNN, {trial}", name, "done", record, directory / trial / "analysis")


def shown(capsys, found, directory):
    results.show(found, directory)
    return capsys.readouterr().out


def test_one_trial_has_a_row_for_each_headline_number(tmp_path, capsys):
    found = [
        result(tmp_path, largest=-0.25, spectrum=[-0.25, -0.5]),
        result(tmp_path, "input_gradient", log10_norm=[0.0, 1.0]),
        result(tmp_path, "mean_field"),
        Result("a/seed0", "RNN", "omega", "omega needs a step.", {}, tmp_path),
    ]
    said = shown(capsys, found, tmp_path / "a/seed0")
    assert "RNN, a/seed0, step 10, float64, 8 examples" in said
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if line.startswith("│")]
    assert rows == [
        ["lyapunov/largest", "-0.25", "nats per step"],
        ["input_gradient", "see its picture", ""],
        ["mean_field", "nothing of such a cell", ""],
    ]
    assert f"pictures (.png) and all values (.json): {tmp_path / 'a/seed0/analysis'}\n" in said
    assert said.endswith("a/seed0: omega: omega needs a step.\n")


def test_trials_have_a_row_each_and_what_they_share_is_said_once(tmp_path, capsys):
    found = [
        one
        for number, name in enumerate(("a/seed0", "a/seed1"))
        for one in (
            result(tmp_path, trial=name, largest=-0.25 - number),
            result(tmp_path, "noise_scale", trial=name, noise_scale=40.0 + number, log10_trace=7.0),
        )
    ]
    said = shown(capsys, found, tmp_path)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if line.startswith("│")]
    assert rows == [["a/seed0", "-0.25", "40"], ["a/seed1", "-1.25", "41"]]
    assert said.count("step 10") == 1
    assert "log10_trace" not in said
    assert f"pictures (.png) and all values (.json): {tmp_path}/<trial>/analysis\n" in said


def test_many_numbers_stand_in_tables_below_each_other(tmp_path, capsys):
    arrays = {f"array{number}/log10_norm": float(number) for number in range(7)}
    said = shown(capsys, [result(tmp_path, "weight_gradient", trial=name, **arrays) for name in ("a", "b")], tmp_path)
    assert sum(line.startswith("│ a ") for line in said.splitlines()) == 2
    assert max(len(line) for line in said.splitlines() if line.startswith("│")) <= 120


def test_a_diagnostic_of_the_users_own_has_all_its_numbers_and_each_part_of_a_model_its_own():
    assert results.headline("mine:own", {"mine:own/a": 1.0, "mine:own/curve": [1.0]}) == {"mine:own/a": ""}
    of_parts = {f"{part}/lyapunov/{name}": -0.1 for part in ("encoder", "decoder") for name in ("largest", "other")}
    assert list(results.headline("lyapunov", of_parts)) == ["encoder/lyapunov/largest", "decoder/lyapunov/largest"]


def test_every_measurement_with_a_number_has_a_headline():
    """But for those of which only curves are of interest."""
    curves = {"input_gradient", "jacobian_products", "log_state_gradient", "paths", "trajectories"}
    for package in (rnnx.diagnostics, rnnx.readings):
        for name in package.names():
            assert any(tag.headline for tag in package.tags(name)) != (name in curves), name
