"""The first sentences, on made-up records whose truth is known.

A gradient of slope s, in nats per step, has 1 % left at lag 4.6 / |s|: with −0.1 it reaches 46 steps back, with −1
four, with −0.5 nine. A loss of 0.1 beside 0.2 without memory is learned, one of 0.2 is not.
"""

import json
import math

import pytest

from rnnx.report import findings, study, summary
from tests.report.records import measurement, write_trial

KEEPS, LOSES = (-0.5, -0.1), (-0.5, -1.0)  # up to T = 47


def told_of(workdir, task="adding"):
    found = study.read(workdir)
    return findings.find(found, task, summary.rows(found))


def sentences(workdir, task="adding"):
    """All short ones."""
    gradient, learning = told_of(workdir, task)
    return [*gradient, *learning]


def write(workdir, cell, length, slopes, *, seed=0, loss=0.1, **others):
    write_trial(
        workdir / f"{cell}{length}_{seed}", cell=cell, length=length, slopes=slopes, seed=seed, loss=loss, **others
    )


def gates(mean, decades=1.0):
    """A forget gate with a mean, all of whose units hold for 10^decades steps or up to ten times as long."""
    time_scale = {"edges": [decades, decades + 1], "counts": [4]}
    return {"gates/forget/mean": mean, "gates/forget/time_scale": time_scale}


def test_nothing_measured_nothing_told(tmp_path):
    write(tmp_path, "rnn", 16, KEEPS, measured=0, status="unfinished")
    assert sentences(tmp_path) == []


def test_all_keep_it(tmp_path):
    for length in (16, 32):
        write(tmp_path, "rnn", length, KEEPS)
        write(tmp_path, "gru", length, KEEPS)
    assert told_of(tmp_path) == (
        ["After 20 steps, the gradient reaches the first step in every network at every length: nothing vanishes."],
        ["Every network learns the task at every length."],
    )


def test_all_lose_it_and_learn_all_the_same(tmp_path):
    write(tmp_path, "rnn", 16, LOSES)
    write(tmp_path, "gru", 16, (-0.5, -0.5))
    assert told_of(tmp_path) == (
        [
            "After 20 steps, the gradient vanishes before the first step in every network at T = 16: "
            "1 % of it is left 4 to 9 steps back."
        ],
        ["Every network learns the task at T = 16."],
    )


def test_one_network_at_one_length(tmp_path):
    write(tmp_path, "my_cells:mgu", 16, LOSES, loss=0.2)
    assert told_of(tmp_path) == (
        [
            "After 20 steps, the gradient vanishes before the first step in my_cells:mgu at T = 16: "
            "1 % of it is left 4 steps back."
        ],
        ["my_cells:mgu does not learn the task at T = 16."],
    )


@pytest.mark.parametrize("swapped", [False, True])
def test_some_keep_it_and_others_give_out_at_a_length(tmp_path, swapped):
    good, bad = ("rnn", "gru") if swapped else ("gru", "rnn")
    names = {"gru": "the GRU", "rnn": "the RNN"}
    for length in (4, 16, 32):
        write(tmp_path, good, length, KEEPS)
        write(tmp_path, bad, length, LOSES, loss=0.1 if length == 4 else 0.2)
    gradient, learning = told_of(tmp_path)
    assert gradient[:2] == [
        f"At T = 32, after 20 steps, only {names[good]} still gets a gradient from the first step.",
        f"It vanishes on the way in {names[bad]} from T = 16 on.",
    ]
    assert learning == [
        f"The task is learned at T = 32 by {names[good]} alone.",
        "Of the 4 trials in which the gradient reaches the first step all learn it, "
        "of the 2 in which it vanishes none.",
    ]


def test_lengths_that_are_no_range_are_listed(tmp_path):
    for length, slopes in ((8, LOSES), (16, KEEPS), (32, LOSES)):
        write(tmp_path, "rnn", length, slopes)
        write(tmp_path, "gru", length, KEEPS)
    assert "It vanishes on the way in the RNN at T = 8 and 32." in sentences(tmp_path)


def test_seeds_are_counted(tmp_path):
    for seed, slopes in enumerate((KEEPS, LOSES, LOSES)):
        write(tmp_path, "rnn", 16, slopes, seed=seed, loss=0.1 if seed == 0 else 0.2)
        write(tmp_path, "rnn", 32, LOSES, seed=seed, loss=0.2)
        write(tmp_path, "gru", 16, KEEPS, seed=seed)
        write(tmp_path, "gru", 32, slopes, seed=seed, loss=0.2)
    told, learning = told_of(tmp_path)
    assert told[0] == (
        "At T = 32, after 20 steps, no network gets a gradient from the first step with every seed, "
        "the GRU in 1 of 3 seeds."
    )
    assert told[1] == (
        "It vanishes on the way in the GRU at T = 32 and in the RNN at every length (at T = 16 in 2 of 3 seeds)."
    )
    assert learning[0] == (
        "The task is learned at T = 16 by the GRU with every seed and by the RNN in 1 of 3 seeds; at no greater length."
    )
    assert learning[1].startswith("Of the 5 trials in which the gradient reaches the first step 4 learn it")


def test_where_it_learned_is_listed_at_each_length_where_that_is_asked(tmp_path):
    for seed, loss in enumerate((0.1, 0.2)):
        for length in (16, 32):
            write(tmp_path, "gru", length, KEEPS, seed=seed)
            write(tmp_path, "rnn", length, LOSES, seed=seed, loss=loss if length == 16 else 0.2)
            write(tmp_path, "lstm", length, LOSES, seed=seed, loss=0.2)
    rows = summary.rows(study.read(tmp_path))
    (told,) = findings.learning(rows, [], findings.at_each_length)
    assert told == (
        "The task is learned by the GRU at every length and by the RNN at T = 16 (1 of 2 seeds), not by the LSTM."
    )


def test_one_network_of_several_seeds_at_one_length(tmp_path):
    for seed, slopes in enumerate((KEEPS, LOSES)):
        write(tmp_path, "gru", 16, slopes, seed=seed)
    assert sentences(tmp_path)[:2] == [
        "At T = 16, after 20 steps, the GRU gets a gradient from the first step in 1 of 2 seeds.",
        "It vanishes on the way in the GRU, 4 of 15 steps back.",
    ]


def test_without_a_floor_nothing_is_said_of_learning(tmp_path):
    write(tmp_path, "rnn", 16, KEEPS, floor=math.nan)
    assert not [sentence for sentence in sentences(tmp_path) if "learn" in sentence]


def test_trials_that_are_not_done_are_told(tmp_path):
    write(tmp_path, "rnn", 16, KEEPS)
    write(tmp_path, "rnn", 16, KEEPS, seed=1, status="failed", measured=2)
    write(tmp_path, "gru", 16, KEEPS, measured=2, status="unfinished")
    planned = {path.parent.name: {} for path in tmp_path.glob("*/config.json")}
    (tmp_path / "study.json").write_text(json.dumps({"trials": planned}))
    assert "The task is learned at T = 16 by the RNN in 1 of 2 seeds; 2 of 3 trials are not done." in sentences(
        tmp_path
    )


def test_before_anything_is_trained_it_is_told_of_the_start(tmp_path):
    write(tmp_path, "rnn", 16, (-0.1, -1.0), measured=1, status="unfinished")
    assert sentences(tmp_path)[0] == (
        "Before training, the gradient reaches the first step in the RNN at T = 16: nothing vanishes."
    )


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.0, "Nothing explodes."),
        (0.03, "Next to nothing explodes: the gradient of at most 3 % of the examples, in the RNN at T = 16."),
        (
            0.62,
            "It explodes too, by more than a factor e on its way back: "
            "in up to 62 % of the examples in the RNN at T = 16.",
        ),
    ],
)
def test_what_explodes(tmp_path, share, told):
    write(tmp_path, "rnn", 16, KEEPS, extra={"state_gradient/state/exploding": share})
    write(tmp_path, "gru", 16, KEEPS, extra={"state_gradient/state/exploding": 0.0})
    assert told in sentences(tmp_path)


def test_a_gradient_of_exactly_zero_is_told_from_a_small_one(tmp_path):
    none = {"state_gradient/state/log10_norm": [-math.inf] * 16, "state_gradient/state/reach": math.nan}
    write(tmp_path, "rnn", 16, KEEPS, extra=none)
    write(tmp_path, "gru", 16, KEEPS)
    assert "It vanishes on the way in the RNN, where it is exactly zero at every step." in sentences(tmp_path)


def test_one_step_is_no_steps_and_none_is_said_to_be_zero(tmp_path):
    curve = {"state_gradient/state/log10_norm": [0.0, -1.0, *[-9.0] * 14], "state_gradient/state/reach": 1.0}
    write(tmp_path / "one", "gru", 16, LOSES, extra=curve)
    (told,) = told_of(tmp_path / "one").gradient[:1]
    assert told.endswith("at T = 16: 1 % of it is left 1 step back.")
    zero = {"state_gradient/state/log10_norm": [-math.inf] * 16, "state_gradient/state/reach": math.nan}
    write(tmp_path / "zero", "gru", 16, LOSES, extra=zero)
    (told,) = told_of(tmp_path / "zero").gradient[:1]
    assert told.endswith("at T = 16: it is exactly zero at every step.")


def test_a_network_that_was_not_measured_at_the_longest_length_is_none_of_every_network(tmp_path):
    for cell, length, slopes in (("gru", 16, KEEPS), ("gru", 32, KEEPS), ("lstm", 32, KEEPS), ("rnn", 16, LOSES)):
        write(tmp_path, cell, length, slopes)
    assert told_of(tmp_path).gradient[0] == (
        "At T = 32, after 20 steps, the GRU and the LSTM still get a gradient from the first step."
    )


def test_a_name_of_anyones_own_stays_as_it_is_within_a_sentence(tmp_path):
    write_trial(tmp_path / "a", cell="Cells:mgu", task="characters", slopes=LOSES, loss=1.5, floor=2.0, length=16)
    path = tmp_path / "a" / "config.json"
    path.write_text(path.read_text().replace("mean squared error", "cross-entropy (nats per character)"))
    found = study.read(tmp_path)
    told = findings.sentences(found, "characters", summary.rows(found))[0]
    assert "; Cells:mgu beats a predictor without memory" in told


def test_a_tree_has_levels(tmp_path):
    for cell, slopes in (("rntn", (-0.5, -2.5)), ("recursive", KEEPS)):
        curve = {
            "state_gradient/state/log10_norm": [*(slopes[1] * k / math.log(10) for k in range(4)), *[math.nan] * 12]
        }
        reach = {"state_gradient/state/reach": 3.0 if slopes == KEEPS else 1.0}
        write(tmp_path, cell, 16, slopes, extra=curve | reach, usual_model="recursive")
    assert sentences(tmp_path)[:2] == [
        "At T = 16, after 20 steps, only recursive still gets a gradient from the deepest leaves.",
        "It vanishes on the way in the RNTN, 1 of 3 levels down.",
    ]


def test_a_task_has_two_sentences(tmp_path):
    for seed in range(2):
        write(tmp_path, "gru", 16, KEEPS, seed=seed, extra={"state_gradient/state/exploding": 0.0})
        write(tmp_path, "rnn", 16, LOSES, seed=seed, loss=0.2)
    found = study.read(tmp_path)
    assert findings.sentences(found, "adding", summary.rows(found)) == [
        "At T = 16, after 20 steps, only the GRU still gets a gradient from the first step; it vanishes on the way in "
        "the RNN, 4 of 15 steps back; nothing that could say why was recorded of both kinds; nothing explodes.",
        "The task is learned at T = 16 by the GRU alone with every seed; of the 2 trials in which the gradient reaches "
        "the first step all learn it, of the 2 in which it vanishes none.",
    ]


def test_a_study_of_language_begins_with_the_loss(tmp_path):
    for cell, loss in (("rnn", 1.9), ("gru", 1.5)):
        write_trial(tmp_path / cell, cell=cell, task="characters", slopes=LOSES, loss=loss, floor=2.0, length=16)
        path = tmp_path / cell / "config.json"
        path.write_text(path.read_text().replace("mean squared error", "cross-entropy (nats per character)"))
    assert told_of(tmp_path, "characters").learning == [
        "The lowest held-out loss is 1.50 nats per character, that of the GRU at T = 16; "
        "a predictor without memory comes to 2.00.",
        "A predictor without memory is beaten by a tenth or more at T = 16 by the GRU alone.",
    ]
    found = study.read(tmp_path)
    assert findings.of_language(found, "characters")
    first, second = findings.sentences(found, "characters", summary.rows(found))
    assert first.startswith("The lowest held-out loss")
    assert "the gradient vanishes" in second


def test_a_loss_is_that_of_a_network_and_not_of_its_parts(tmp_path):
    parts = {f"{part}/state_gradient/state/log10_norm": [-1.0, -2.0] for part in ("encoder", "decoder")}
    write_trial(tmp_path / "gru", cell="gru", task="dates", loss=1.5, floor=2.0, length=16, extra=parts)
    path = tmp_path / "gru" / "config.json"
    path.write_text(path.read_text().replace("mean squared error", "cross-entropy (nats per character)"))
    assert told_of(tmp_path, "dates").learning[0] == (
        "The held-out loss is 1.50 nats per character, that of the GRU at T = 16; "
        "a predictor without memory comes to 2.00."
    )


def test_a_part_whose_lag_is_no_distance_from_the_loss_is_left_out(tmp_path):
    write(tmp_path, "rnn", 16, LOSES, extra={"state_gradient/state/exploding": 0.0})
    grows = {"state_gradient/against_time": 1.0, "state_gradient/state/exploding": 1.0}
    write(tmp_path, "gru", 16, KEEPS, extra=grows)
    told = told_of(tmp_path).gradient
    assert told[0].startswith("After 20 steps, the gradient vanishes before the first step in the RNN at T = 16")
    assert told[1].startswith("Left out of this: the GRU, which runs backward in time")
    assert told[-1] == "Nothing explodes."


def many(workdir, keeping, losing, seeds=3):
    """Trials that keep the gradient and have some records, and trials that lose it and have others."""
    for seed in range(seeds):
        write(workdir, "gru", 16, KEEPS, seed=seed, extra=keeping(seed))
        write(workdir, "lstm", 16, LOSES, seed=seed, extra=losing(seed))


def reason(workdir):
    (told,) = [s for s in sentences(workdir) if "apart" in s or "could say why" in s]
    return told


def test_the_reason_is_what_sets_them_apart_most(tmp_path):
    """The mean overlaps, the time scale does not: the slowest tenth of the units begins at 10^1.9 and at 10^0.9."""
    many(tmp_path, lambda seed: gates(0.5 + seed / 10, 1.0), lambda seed: gates(0.4 + seed / 10, 0.0))
    assert reason(tmp_path) == (
        "What sets them apart most at T = 16 is the time that the slowest tenth of the units of the forget gate hold "
        "for: 79 steps where the gradient is kept, 7.9 where it vanishes."
    )


@pytest.mark.parametrize(
    ("tag", "values", "told"),
    [
        ("gates/update/mean", (0.9, 0.2), "mean of the update gate (1 keeps all of the old state): 0.9"),
        ("recurrent_matrix/0/spectral_radius", (1.0, 0.5), "largest eigenvalue of the recurrent matrix, in size: 1"),
        ("lyapunov/largest", (-0.01, -0.5), "largest Lyapunov exponent: −0.01 nats per step"),
        ("hidden_units/saturated", (0.05, 0.75), "share of saturated units: 5 % where"),
    ],
)
def test_a_reason_may_be_a_gate_an_eigenvalue_or_the_units(tmp_path, tag, values, told):
    many(tmp_path, lambda seed: {tag: values[0]}, lambda seed: {tag: values[1]})
    assert told in reason(tmp_path)


def test_a_reason_may_be_a_part_of_the_state(tmp_path):
    flat = [-2.0] * 16
    for cell, slopes, c in (("gru", KEEPS, [-1.0] * 16), ("lstm", LOSES, flat)):
        for seed in range(3):
            parts = {"state_gradient/h/log10_norm": flat, "state_gradient/c/log10_norm": c}
            write(tmp_path, cell, 16, slopes, seed=seed, extra=parts, parts=("h", "c"))
    assert "gradient of c beside that of h: 10 times as large where" in reason(tmp_path)


def test_who_has_no_such_gate_is_said(tmp_path):
    many(tmp_path, lambda seed: gates(0.9), lambda seed: gates(0.1))
    write(tmp_path, "rnn", 16, LOSES)
    assert reason(tmp_path).endswith("where it vanishes (the RNN has no such gate).")


def test_what_does_not_set_them_apart_is_no_reason(tmp_path):
    many(tmp_path, lambda seed: gates(0.1 * seed), lambda seed: gates(0.1 * seed))
    assert reason(tmp_path) == (
        "Nothing of what was recorded sets those that keep it at T = 16 clearly apart from those that lose it."
    )


def test_of_few_trials_no_reason_is_told(tmp_path):
    """Two of four are set apart by chance in one case of three."""
    many(tmp_path, lambda seed: gates(0.9), lambda seed: gates(0.1), seeds=2)
    assert "can't be told from so few trials" in reason(tmp_path)


def test_where_all_do_alike_it_is_told_how_long_gates_hold(tmp_path):
    write(tmp_path, "lstm", 16, LOSES, extra=gates(0.5))
    assert told_of(tmp_path).gradient[-1] == (
        "At T = 16 the time that the slowest tenth of the units of the forget gate hold for is 79 steps in the LSTM."
    )


def test_trials_of_several_parts_are_counted_once_if_at_all(tmp_path):
    """Each part has a row of its own, of the same trials."""
    for seed, slopes in enumerate((KEEPS, LOSES)):
        extra = {}
        for layer, values in (("layer0", measurement(slopes[1], 16, ())), ("layer1", measurement(slopes[1], 16, ()))):
            extra |= {f"{layer}/{tag}": value for tag, value in values.items()}
        status = {"status": "unfinished", "measured": 2} if seed else {}
        write(tmp_path, "gru", 16, slopes, seed=seed, extra=extra, **status)
    told = " ".join(sentences(tmp_path))
    assert "Of the" not in told
    assert "learned at T = 16 by the GRU in 1 of 2 seeds; 1 of 2 trials is not done." in told
