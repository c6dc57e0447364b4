import pytest

from rnnx.report import answers, decay, study, summary
from tests.report.records import write_trial


def sentences(workdir):
    found = study.read(workdir)
    return decay.sentences(found, "adding", summary.rows(found))


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
    slopes = {good: (-0.25, 0.2), bad: (-0.5, -2.0)}
    told = compare(tmp_path, slopes["rnn"], slopes["gru"])
    assert told == [
        f"At T = 8, before training, the gradient decays slowest in the {good.upper()}, by 0.25 nats per step, and "
        f"decays fastest in the {bad.upper()}, by 0.50 nats per step.",
        f"At T = 8, after 20 steps, the gradient grows fastest in the {good.upper()}, by 0.20 nats per step, and "
        f"decays fastest in the {bad.upper()}, by 2.0 nats per step.",
    ]


def test_what_changes_by_less_than_a_factor_e_over_the_sequence_hardly_changes(tmp_path):
    """e^(7 · 0.1) is 2."""
    told = compare(tmp_path, (-0.5, 0.1), (-0.5, -0.3))
    assert "the gradient hardly changes in the RNN, by 0.10 nats per step, and decays fastest in the GRU" in told[1]


def test_only_the_longest_length_is_told(tmp_path):
    write_trial(tmp_path / "short", length=8, slopes=(-9.0, -9.0))
    write_trial(tmp_path / "long", length=16, slopes=(-0.5, -0.5))
    assert (
        sentences(tmp_path)[0] == "At T = 16, before training, the gradient decays in the RNN, by 0.50 nats per step."
    )


def test_a_part_whose_lag_is_no_distance_from_the_loss_is_not_ranked(tmp_path):
    write_trial(tmp_path / "rnn", cell="rnn", slopes=(-0.5, -0.5))
    write_trial(tmp_path / "gru", cell="gru", slopes=(0.1, 0.1), extra={"state_gradient/against_time": 1.0})
    assert not [sentence for sentence in sentences(tmp_path) if "GRU" in sentence]


def test_what_the_seeds_do_not_separate_is_said(tmp_path):
    for seed, rnn, gru in ((0, -0.2, -0.3), (1, -0.4, -0.5)):
        write_trial(tmp_path / f"rnn{seed}", cell="rnn", seed=seed, slopes=(rnn, rnn))
        write_trial(tmp_path / f"gru{seed}", cell="gru", seed=seed, slopes=(gru, gru))
    assert sentences(tmp_path)[0].endswith(
        "decays in the RNN and the GRU, by 0.30 and 0.40 nats per step, which these seeds don't tell apart."
    )


def test_variants_that_rounding_alone_sets_apart_are_not_ranked(tmp_path):
    """They differ in the learning rate, which has done nothing before training."""
    for rate, slope in ((0.1, -0.25 - 5e-8), (0.01, -0.25), (0.001, -0.25 + 5e-8)):
        write_trial(tmp_path / f"{rate}", settings={"learning_rate": rate}, slopes=(slope, slope * rate * 1000))
    before, after = sentences(tmp_path)
    assert before.endswith("learning rate 0.1, by 0.25 nats per step, which rounding alone sets apart.")
    assert "slowest in the RNN with learning rate 0.001, by 0.25 nats per step, and decays fastest in the RNN" in after


def test_those_that_are_equal_are_first_or_last_together(tmp_path):
    write_trial(tmp_path / "lstm", cell="lstm", slopes=(-0.2, -0.1))
    write_trial(tmp_path / "gru", cell="gru", slopes=(-0.5, -0.5))
    write_trial(tmp_path / "rnn", cell="rnn", slopes=(-0.5 + 5e-8, -0.5))
    assert sentences(tmp_path)[0].endswith(
        "slowest in the LSTM, by 0.20 nats per step, and decays fastest in the RNN and the GRU, by 0.50 nats per step, "
        "which rounding alone sets apart."
    )


def test_initialisers_are_compared_where_nothing_else_differs(tmp_path):
    for name, slope in (("orthogonal", -0.1), ("glorot_uniform", -0.2)):
        settings = {"cell.recurrent_initializer": name}
        write_trial(tmp_path / name, settings=settings, slopes=(slope, slope))
    assert one(sentences(tmp_path), "recurrent initializer did").endswith(
        "−0.20 before and −0.20 after training in the RNN with recurrent initializer glorot uniform; "
        "−0.10 before and −0.10 after training in the RNN with recurrent initializer orthogonal."
    )


def test_forget_bias_is_compared_where_nothing_else_differs(tmp_path):
    for bias, slope in ((0.0, -0.69), (1.0, -0.31)):
        write_trial(tmp_path / f"{bias}", cell="lstm", settings={"cell.forget_bias": bias}, slopes=(slope, -0.01))
    assert one(sentences(tmp_path), "forget bias did") == (
        "What forget bias did to the decay rate, in nats per step: −0.69 before and −0.010 after training in the LSTM "
        "with forget bias 0; −0.31 before and −0.010 after training in the LSTM with forget bias 1."
    )


def test_forget_bias_is_not_blamed_for_another_difference(tmp_path):
    for bias, rate in ((0.0, 0.1), (1.0, 0.01)):
        settings = {"cell.forget_bias": bias, "learning_rate": rate}
        write_trial(tmp_path / f"{bias}", cell="lstm", settings=settings)
    assert not [sentence for sentence in sentences(tmp_path) if "forget bias did" in sentence]


def test_each_question_has_its_words(tmp_path):
    extra = {"gates/forget/mean": 0.7, "weight_gradient_by_lag/all/share_older_than_10": 0.25}
    write_trial(tmp_path / "lstm", cell="lstm", extra=extra)
    write_trial(tmp_path / "rnn", cell="rnn")
    found = study.read(tmp_path)
    told = answers.sentences(found, "adding", summary.rows(found))
    assert told["through"] == [
        "At T = 8, after 20 steps, the mean of the memory gate, which keeps all where it is 1, is 0.70 in the LSTM "
        "(0.70 before)."
    ]
    assert told["weights"][0].endswith("from ten or more steps back is 25 % in the LSTM (25 % before).")
    # Of the two records of training one has 20 % and the other 40 % clipped.
    assert told["clipped"] == ["At most 30 % of the steps of a trial were clipped, in the LSTM at T = 8."]
    assert told["learnt"] == ["Every network learns the task at T = 8."]


def test_steps_are_clipped_of_a_network_and_not_of_its_parts(tmp_path):
    parts = {f"{part}/state_gradient/state/log10_norm": [-1.0, -2.0] for part in ("encoder", "decoder")}
    write_trial(tmp_path / "gru", cell="gru", extra=parts)
    found = study.read(tmp_path)
    (told,) = answers.sentences(found, "adding", summary.rows(found))["clipped"]
    assert told.endswith("were clipped, in the GRU at T = 8.")
