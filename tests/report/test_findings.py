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
    before = one(sentences(tmp_path), "before training")
    assert "slowest in rnn, by 0.30 nats per step (not separated by these seeds from gru)" in before


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


def test_nobody_has_memory(tmp_path):
    write_trial(tmp_path / "a", loss=0.2, floor=0.2)
    assert one(sentences(tmp_path), "without memory").startswith("No variant reaches")


def test_nothing_measured_nothing_told(tmp_path):
    write_trial(tmp_path / "a", measured=0, status="unfinished")
    assert sentences(tmp_path) == []
