import json

import pytest

from rnnx.report import findings, study, summary
from tests.report.records import write_trial


def sentences(workdir):
    found = study.read(workdir)
    return findings.sentences(found, "adding", summary.rows(found))


def one(told, beginning):
    (sentence,) = [sentence for sentence in told if beginning in sentence]
    return sentence


def compare(workdir, rnn, gru, **others):
    write_trial(workdir / "rnn", cell="rnn", slopes=rnn, **others)
    write_trial(workdir / "gru", cell="gru", slopes=gru, **others)
    return sentences(workdir)


@pytest.mark.parametrize("swapped", [False, True])
def test_they_follow_the_data(tmp_path, swapped):
    good, bad = ("gru", "rnn") if swapped else ("rnn", "gru")
    slopes = {good: (-0.25, 0.1), bad: (-0.5, -2.0)}
    told = compare(tmp_path, slopes["rnn"], slopes["gru"])
    before, after = one(told, "before training"), one(told, "after 20 steps, the gradient")
    assert f"decays slowest in {good}, by 0.25 nats per step, and decays fastest in {bad}, by 0.50" in before
    assert f"The longest horizon is 4 of 7 steps: {good}." in before
    assert f"grows fastest in {good}, by 0.10 nats per step, and decays fastest in {bad}, by 2.0" in after
    assert f"The longest horizon is 7 of 7 steps: {good}." in after


def test_only_the_longest_length_is_told(tmp_path):
    write_trial(tmp_path / "short", length=8, slopes=(-9.0, -9.0))
    write_trial(tmp_path / "long", length=16, slopes=(-0.5, -0.5))
    assert one(sentences(tmp_path), "before training").startswith(
        "At T = 16, before training, the gradient decays in rnn by 0.50 nats per step back in time."
    )


def test_every_variant_is_told_at_every_length(tmp_path):
    measured = {8: (-0.21, 0.25, 0.0), 16: (-0.07, 0.5, 0.12)}
    for length, (slope, older, exploding) in measured.items():
        extra = {
            "weight_gradient_by_lag/all/share_older_than_10": older,
            "state_gradient/state/exploding": exploding,
        }
        write_trial(tmp_path / f"{length}", length=length, slopes=(-0.5, slope), extra=extra)
    assert one(sentences(tmp_path), "rnn, after") == (
        "rnn, after 20 steps, at T = 8, 16: decay rate −0.21, −0.070 nats per step, horizon 4, 14 steps, "
        "25, 50 % of the weight gradient older than 10 steps, 0, 12 % of the examples with an exploding gradient."
    )


def test_shares_that_were_not_measured_are_not_told(tmp_path):
    write_trial(tmp_path / "a", slopes=(-0.5, -0.5))
    assert one(sentences(tmp_path), "at T = 8:").endswith("horizon 2 steps.")


def test_initialisers_are_compared_where_nothing_else_differs(tmp_path):
    for name, slope in (("orthogonal", -0.1), ("identity", -0.2)):
        settings = {"cell.recurrent_initializer": name}
        write_trial(tmp_path / name, settings=settings, slopes=(slope, slope))
    assert one(sentences(tmp_path), "recurrent initializer did").endswith(
        "rnn (recurrent initializer identity) −0.20 before and −0.20 after training; "
        "rnn (recurrent initializer orthogonal) −0.10 before and −0.10 after training."
    )


def test_what_the_seeds_do_not_separate_is_said(tmp_path):
    for seed, rnn, gru in ((0, -0.2, -0.3), (1, -0.4, -0.5)):
        write_trial(tmp_path / f"rnn{seed}", cell="rnn", seed=seed, slopes=(rnn, rnn))
        write_trial(tmp_path / f"gru{seed}", cell="gru", seed=seed, slopes=(gru, gru))
    assert one(sentences(tmp_path), "before training").endswith(
        "the gradient has a decay rate of −0.30 in rnn and −0.40 in gru nats per step: equal within the range over "
        "seeds. The longest horizon is 3.5 of 7 steps: rnn; equal within the range over seeds: gru (2.5)."
    )


def test_variants_that_rounding_alone_sets_apart_are_not_ranked(tmp_path):
    """They differ in the learning rate, which has done nothing before training; the curve crosses 1/e at lag 4."""
    for rate, slope in ((0.1, -0.25 - 5e-8), (0.01, -0.25), (0.001, -0.25 + 5e-8)):
        settings = {"learning_rate": rate}
        write_trial(tmp_path / f"{rate}", settings=settings, slopes=(slope, slope * rate))
    before, after = (one(sentences(tmp_path), when) for when in ("before training", "after 20 steps, the gradient"))
    assert before.endswith(
        "the gradient decays in rnn (learning rate 0.001), rnn (learning rate 0.01) and rnn (learning rate 0.1), "
        "by 0.25 nats per step, equal within the rounding of float32. The longest horizon is 4 of 7 steps: "
        "rnn (learning rate 0.001), rnn (learning rate 0.01); equal within the rounding of float32: "
        "rnn (learning rate 0.1) (3)."
    )
    assert "slowest in rnn (learning rate 0.001), by 0.00025 nats per step, and decays fastest in rnn (" in after


def test_those_that_are_equal_are_first_or_last_together(tmp_path):
    write_trial(tmp_path / "lstm", cell="lstm", slopes=(-0.1, -0.1))
    write_trial(tmp_path / "gru", cell="gru", slopes=(-0.5, -0.5))
    write_trial(tmp_path / "rnn", cell="rnn", slopes=(-0.5 + 5e-8, -0.5))
    assert (
        "slowest in lstm, by 0.10 nats per step, and decays fastest in rnn and gru, by 0.50 nats per step, "
        "equal within the rounding of float32."
    ) in one(sentences(tmp_path), "before training")
    for seed, slope in ((1, -0.1), (2, -0.5)):
        write_trial(tmp_path / f"gru{seed}", cell="gru", seed=seed, slopes=(slope, slope))
        write_trial(tmp_path / f"rnn{seed}", cell="rnn", seed=seed, slopes=(slope - 1, slope - 1))
    assert (
        "decays slowest in lstm and gru (decay rate −0.10 in lstm and −0.50 in gru nats per step: equal within the "
        "range over seeds), and decays fastest in gru and rnn (decay rate −0.50 in gru and −1.1 in rnn nats per step: "
        "equal within the range over seeds)."
    ) in one(sentences(tmp_path), "before training")


def test_equal_horizons_have_several_owners(tmp_path):
    assert "7 of 7 steps: gru, rnn." in one(compare(tmp_path, (0.0, 0.0), (0.01, 0.0)), "before training")


def test_forget_bias_is_compared_where_nothing_else_differs(tmp_path):
    for bias, slope in ((0.0, -0.69), (1.0, -0.31)):
        write_trial(tmp_path / f"{bias}", cell="lstm", settings={"cell.forget_bias": bias}, slopes=(slope, -0.01))
    assert one(sentences(tmp_path), "forget bias did").endswith(
        "lstm (forget bias 0) −0.69 before and −0.010 after training; "
        "lstm (forget bias 1) −0.31 before and −0.010 after training."
    )


def test_forget_bias_is_not_blamed_for_another_difference(tmp_path):
    for bias, rate in ((0.0, 0.1), (1.0, 0.01)):
        settings = {"cell.forget_bias": bias, "learning_rate": rate}
        write_trial(tmp_path / f"{bias}", cell="lstm", settings=settings)
    assert not [sentence for sentence in sentences(tmp_path) if "forget bias did" in sentence]


def test_memory_needs_every_seed_clearly_below_the_floor(tmp_path):
    losses = {"rnn": (0.19, 0.1), "gru": (0.1, 0.15), "lstm": (0.1, 0.25)}  # no-memory loss 0.2, a tenth below: 0.18
    for cell, of_seeds in losses.items():
        for seed, loss in enumerate(of_seeds):
            write_trial(tmp_path / f"{cell}{seed}", cell=cell, seed=seed, loss=loss, floor=0.2)
    assert one(sentences(tmp_path), "without memory").endswith("by gru at T = 8; at no length by lstm, rnn.")


def test_a_seed_that_did_not_come_to_the_end_has_no_memory_whatever_it_had_measured(tmp_path):
    """All that have measured a loss of 0.1 or, at step 10, of 0.5; without memory it is 1.0."""
    ends = {"gru": "done", "lstm": "failed", "mgu": "unfinished", "rnn": "not started"}
    for cell, end in ends.items():
        for seed in (0, 1):
            write_trial(tmp_path / f"{cell}{seed}", cell=cell, seed=seed, floor=1.0)
        if end != "not started":
            status = {"measured": 3 if end == "done" else 2, "status": end}
            write_trial(tmp_path / f"{cell}2", cell=cell, seed=2, floor=1.0, **status)
    write_trial(tmp_path / "wild", cell="wild", floor=1.0, measured=1, status="failed")
    config = json.loads((tmp_path / "rnn0" / "config.json").read_text())["config"]
    planned = {path.parent.name: {} for path in sorted(tmp_path.glob("*/config.json"))} | {"rnn2": config | {"seed": 2}}
    (tmp_path / "study.json").write_text(json.dumps({"trials": planned}))
    told = sentences(tmp_path)
    assert one(told, "without memory").endswith("by gru at T = 8; at no length by lstm, mgu, rnn, wild.")
    assert one(told, "Not by every seed") == (
        "Not by every seed: lstm at T = 8 (2 of 3, 1 failed), mgu at T = 8 (2 of 3, 1 unfinished), "
        "rnn at T = 8 (2 of 3, 1 not started), wild at T = 8 (0 of 1, 1 failed)."
    )
    rows = {row["variant"]: row for row in summary.table(summary.rows(study.read(tmp_path)))}
    assert [rows[cell]["reached"] for cell in (*ends, "wild")] == [3, 2, 2, 2, 0]
    assert [rows[cell]["not_started"] for cell in (*ends, "wild")] == [0, 0, 0, 1, 0]


def test_nobody_has_memory(tmp_path):
    write_trial(tmp_path / "a", loss=0.2, floor=0.2)
    assert one(sentences(tmp_path), "without memory").startswith("No variant reaches")


def test_nothing_measured_nothing_told(tmp_path):
    write_trial(tmp_path / "a", measured=0, status="unfinished")
    assert sentences(tmp_path) == []


def test_a_part_whose_lag_is_no_distance_from_the_loss_is_not_ranked(tmp_path):
    """It has the slowest decay and the longest horizon of all, and neither is told."""
    write_trial(tmp_path / "rnn", cell="rnn", slopes=(-0.5, -0.5))
    write_trial(tmp_path / "gru", cell="gru", slopes=(0.1, 0.1), extra={"state_gradient/against_time": 1.0})
    told = sentences(tmp_path)
    assert one(told, "before training").endswith(
        "decays in rnn by 0.50 nats per step back in time. The longest horizon is 2 of 7 steps: rnn."
    )
    assert one(told, "Not ranked").startswith("Not ranked are gru: they run backward in time")
    assert not [sentence for sentence in told if sentence.startswith("gru, after")]
    assert "gru at T = 8" in one(told, "without memory")
