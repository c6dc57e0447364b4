import json

import pytest

from rnnx.report import study
from tests.report.records import measurement, write_trial


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


def test_a_model_that_is_not_the_usual_one_gives_its_name_and_what_goes_with_it_is_not_told(tmp_path):
    """How it is trained, where all of its kind are trained so, and the options that its cell alone has."""

    def write(name, cell, model, **settings):
        extra = {"train/gradient_norm": 0.0 if model == "ngram" else 1.0}
        settings = {"model.name": model, "cell.recurrent_initializer": "orthogonal"} | settings
        write_trial(tmp_path / name, cell=cell, settings=settings, extra=extra, usual_model="sequence")

    write("a", "lstm", "sequence", **{"cell.input_initializer": "glorot_uniform"})
    write("b", "lru", "sequence", **{"cell.input_initializer": "lecun_normal"})
    for order in (2, 3):
        write(f"c{order}", "lstm", "ngram", **{"model.order": order, "steps": 1})
    write("d", "lstm", "bag_of_words")
    write("e", "gru", "bag_of_words")
    assert study.read(tmp_path).variants == [
        "lstm", "lru", "ngram (order 2)", "ngram (order 3)", "bag_of_words lstm", "bag_of_words gru"
    ]  # fmt: skip
    assert study.read(tmp_path / "c2").variants == ["ngram"]


def test_the_usual_model_is_named_by_its_cell_whatever_it_is(tmp_path):
    for name, cell in (("a", "lstm"), ("b", "gru")):
        write_trial(
            tmp_path / name, cell=cell, settings={"model.name": "encoder_decoder"}, usual_model="encoder_decoder"
        )
    assert study.read(tmp_path).variants == ["lstm", "gru"]


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({"cell.hidden_size": (256, 128)}, ["rnn (hidden size 256)", "lstm (hidden size 128)"]),
        (
            {"cell.recurrent_initializer": ("orthogonal", "uniform")},
            ["rnn (recurrent initializer orthogonal)", "lstm (recurrent initializer uniform)"],
        ),
        (
            {"model.name": ("sequence", "bag_of_words"), "steps": (100, 9)},
            ["rnn (steps 100)", "bag_of_words (steps 9)"],
        ),
        (
            {"model.name": ("lstnet", "dsanet"), "model.kernel": (6, 3)},
            ["lstnet", "dsanet"],
        ),  # as each has it by itself
        (
            {"model.name": ("lstnet", "dsanet"), "model.kernel": (6, 5)},
            ["lstnet (kernel 6)", "dsanet (kernel 5)"],
        ),
    ],
)
def test_networks_that_differ_in_more_than_their_names_say_so(tmp_path, settings, labels):
    for n, cell in enumerate(("rnn", "lstm")):
        given = {field: values[n] for field, values in settings.items()}
        write_trial(tmp_path / f"{n}", cell=cell, settings=given, usual_model="sequence")
    assert study.read(tmp_path).variants == labels


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
    found = study.read(tmp_path / "one")
    assert [trial.name for trial in found.trials] == ["one"]
    assert found.left_out == ""


def test_a_sweep_in_the_directory_of_a_run_is_read_and_the_run_left_out_which_is_said(tmp_path):
    write_trial(tmp_path / "both", loss=0.9)
    for name in ("a", "b"):
        write_trial(tmp_path / "both" / "adding" / name)
    (tmp_path / "both" / "study.json").write_text(json.dumps({"trials": dict.fromkeys(["adding/a", "adding/b"])}))
    found = study.read(tmp_path / "both")
    assert [trial.name for trial in found.trials] == ["adding/a", "adding/b"]
    assert found.left_out.endswith("holds both a run and a sweep; this is about the sweep, and the run is left out.")

    (tmp_path / "both" / "study.json").unlink()
    (tmp_path / "both" / "adding" / "study.json").write_text(json.dumps({"trials": dict.fromkeys(["a", "b"])}))
    found = study.read(tmp_path / "both")
    assert [trial.name for trial in found.trials] == ["both"]
    assert found.left_out.endswith("trials below it, which are left out: adding/a and 1 more.")
    assert study.read(tmp_path / "both" / "adding").left_out == ""


def test_trials_in_the_directory_of_a_sweep_that_are_not_its_own_are_left_out_which_is_said(tmp_path):
    """Nor does one above the sweep's trials hide them."""
    for name in ("adding", "adding/a", "adding/b", "copy", "adding/a/again"):
        write_trial(tmp_path / name)
    (tmp_path / "study.json").write_text(json.dumps({"trials": dict.fromkeys(["adding/a", "adding/b"])}))
    found = study.read(tmp_path)
    assert [trial.name for trial in found.trials] == ["adding/a", "adding/b"]
    assert found.left_out.endswith("not of its sweep, which are left out: adding and 2 more.")


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
        ('{"config": ', r"a/config\.json is damaged: it is not a JSON file"),
        ("[]", r"a/config\.json is damaged: it is not a JSON object"),
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
        ('{"step": ', r"a/analysis/lyapunov\.json is damaged: it is not a JSON file"),
        ("[1]", r"a/analysis/lyapunov\.json is damaged: it is not a JSON object"),
        ('{"step": 3}', r"a/analysis/lyapunov\.json is not the record of an analysis: it lacks values or step"),
        ('{"values": {}}', r"a/analysis/lyapunov\.json is not the record of an analysis: it lacks values or step"),
    ],
)
def test_a_damaged_analysis_is_named(tmp_path, content, message):
    write_trial(tmp_path / "a", analysis={"lyapunov": {}})
    (tmp_path / "a" / "analysis" / "lyapunov.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        study.read(tmp_path)


def test_a_model_of_several_parts_is_a_variant_for_each_of_them(tmp_path):
    """With the tags of the part as its own, and those of the whole in each; as a trial it is there once."""
    curves = {"encoder": -0.1, "decoder": -1.0}
    tags = {f"{part}/{tag}": v for part, s in curves.items() for tag, v in measurement(s, 8, ("h",)).items()}
    for seed in (0, 1):
        write_trial(tmp_path / f"gru{seed}", cell="gru", task="reverse", seed=seed, extra=tags)
        for line in ("metrics.jsonl",):  # no tags of a part that is the only one
            path = tmp_path / f"gru{seed}" / line
            records = [json.loads(text) for text in path.read_text().splitlines()]
            kept = [{t: v for t, v in r.items() if not t.startswith("state_gradient/")} for r in records]
            path.write_text("".join(json.dumps(record) + "\n" for record in kept))
    found = study.read(tmp_path)
    assert [group.variant for group in found.groups] == ["gru (part decoder)", "gru (part encoder)"]
    assert [len(group.trials) for group in found.groups] == [2, 2]
    assert [trial.name for trial in found.trials] == ["gru0", "gru1"]
    for group in found.groups:
        part = group.variant.removeprefix("gru (part ").removesuffix(")")
        for trial in group.trials:
            assert "part" not in trial.config
            assert trial.after["state_gradient/state/decay_rate"] == curves[part]
            assert trial.after["heldout/loss"] == 0.1
            assert not [tag for tag in trial.after if tag.startswith(tuple(curves))]


def test_records_without_a_reach_have_it_from_their_curves(tmp_path):
    """It is what they would have measured."""
    write_trial(tmp_path / "new", slopes=(-1.0, -0.25), length=32)
    write_trial(tmp_path / "old", slopes=(-1.0, -0.25), length=32)
    path = tmp_path / "old" / "metrics.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        del record["state_gradient/state/reach"]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    new, old = study.read(tmp_path).trials
    for stage in ("before", "after"):
        tag = "state_gradient/state/reach"
        assert getattr(old, stage)[tag] == getattr(new, stage)[tag] == {"before": 4, "after": 18}[stage]
