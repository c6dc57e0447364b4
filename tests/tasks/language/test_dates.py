"""Dates: what is written, that it says one day only, and that no day is in two parts."""

import datetime

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.language.dates import dates, formats
from rnnx.training.program import mean_loss, mean_scores

TASK = dates()
# As the C library writes them, but for numbers of one digit.
WRITTEN = (
    *("%m/%d/%y", "%m/%d/%Y", "%b %d, %Y", "%B %d, %Y", "%A, %B %d, %Y", "%d %b %Y", "%d %B %Y", "%dth of %B %Y"),
    *("%a %d %b %Y", "%d.%m.%y", "%d.%m.%Y", "%Y/%m/%d"),
)


def text(codes, characters):
    return "".join(characters[code] for code in codes)


def pairs(batch):
    """Each example as (what is read, what is to be written), as text."""
    source, target = np.asarray(batch.inputs.source), np.asarray(batch.targets)
    lengths = batch.lengths.tolist()
    return [
        (text(source[:n, b], TASK.data["characters"]), text(target[:, b], "0123456789-")) for b, n in enumerate(lengths)
    ]


@pytest.fixture(scope="module")
def tested():
    return [pair for batch in TASK.test_batches(5000) for pair in pairs(batch)]


def test_formats_are_those_of_the_c_library():
    day = datetime.date(2028, 11, 14)  # no number of one digit
    assert formats(day) == tuple(map(day.strftime, WRITTEN))


def test_ordinals():
    days = (datetime.date(1981, 5, d) for d in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31))
    said = [formats(day)[7].split()[0] for day in days]
    assert " ".join(said) == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 23rd 30th 31st"


def test_every_source_says_its_own_day_only():
    first = datetime.date(1980, 1, 1)
    meanings = {}
    for n in range(18263):
        day = first + datetime.timedelta(n)
        for source in formats(day):
            assert meanings.setdefault(source, day) == day
    assert day == datetime.date(2029, 12, 31)


def test_a_batch_is_pairs_of_one_day(tested):
    batch = TASK.sample(jax.random.key(0), 200, 29)
    for source, target in (*pairs(batch), *tested[:600]):
        assert source in formats(datetime.date.fromisoformat(target))
    np.testing.assert_array_equal(batch.inputs.target[0], 11)
    np.testing.assert_array_equal(batch.inputs.target[1:], batch.targets[:-1])
    assert jnp.all(batch.weights == 1)


def test_the_table_is_the_one_that_is_recorded():
    """As results are compared by it; whatever the version of Python."""
    assert TASK.data["sha256"] == "f6a330d6445d1f5d981563aa0799ec11c64232c7a0a3d89d1751db582f44bc71"


def test_no_day_is_in_two_parts(tested):
    tested_on = {target for _, target in tested}
    assert len(tested) == 12 * len(tested_on) == 12 * 1800
    train, heldout = (
        {target for _, target in pairs(sample(jax.random.key(0), 20_000, 29))}
        for sample in (TASK.sample, TASK.sample_heldout)
    )
    assert len(heldout) == 1905  # all there are: 20,000 draws pass over one with probability e^-10
    assert len(train) > 10_000
    assert not train & heldout
    assert not train & tested_on
    assert not heldout & tested_on


def test_a_length_leaves_out_what_is_longer():
    for length in (6, 10, 29, 64):
        batch = TASK.sample(jax.random.key(0), 500, length)
        assert batch.inputs.source.shape == (min(length, 29), 500)
        assert batch.lengths.max() <= length
    with pytest.raises(ValueError, match=r"^length of dates must be a whole number of at least 6, not 5\.$"):
        TASK.sample(jax.random.key(0), 4, 5)


def test_the_baseline_is_that_of_one_who_has_not_read_the_source():
    """Who says each character with the share of days that go on so: ln of the number of days in all, for every day."""
    days = [str(datetime.date(1980, 1, 1) + datetime.timedelta(n)) for n in range(18263)]
    going_on = {}
    for day in days:
        for n in range(11):
            going_on[day[:n]] = going_on.get(day[:n], 0) + 1
    batch = TASK.sample(jax.random.key(0), 20, 29)
    logits = np.zeros((10, 20, 11), np.float32)
    for b, (_, target) in enumerate(pairs(batch)):
        for t in range(10):
            logits[t, b] = [np.log(going_on.get(target[:t] + c, 1e-30)) for c in "0123456789-"]
    np.testing.assert_allclose(mean_loss(TASK, logits, batch), TASK.baseline_loss(29), rtol=1e-5)  # float32 of ln


def test_one_wrong_character_spoils_an_example():
    batch = TASK.sample(jax.random.key(0), 4, 29)
    right = jax.nn.one_hot(batch.targets, 11)
    scores = mean_scores(TASK, right.at[3, 1].multiply(-1), batch)
    np.testing.assert_allclose(scores["accuracy"], 39 / 40, rtol=1e-6)
    assert scores["exact"] == 0.75


def test_what_a_model_writes_is_scored_over_the_whole_test_split():
    """Every source to test on once, in the order of the batches; the error rate is one of all characters together."""
    asked = [pair for batch in TASK.decoding.batches(5000) for pair in pairs(batch)]
    vocabulary = TASK.pair_vocabulary
    outputs = [vocabulary.target.encode(target).tolist() for _, target in asked]
    numbers, records = TASK.decoding.score(outputs)
    assert numbers == {"exact_match": 1.0, "character_error_rate": 0.0}
    assert [(record["input"], *record["targets"]) for record in records] == asked
    outputs[0] = vocabulary.target.encode("1").tolist()  # nine are missing
    outputs[-1] = outputs[-1][::-1]
    numbers, records = TASK.decoding.score(outputs)
    assert numbers["exact_match"] == (len(asked) - 2) / len(asked)
    errors = 9 + records[-1]["errors"]
    assert numbers["character_error_rate"] == errors / (10 * len(asked))
    assert (records[0]["output"], records[0]["errors"], records[0]["characters"]) == ("1", 9, 10)
