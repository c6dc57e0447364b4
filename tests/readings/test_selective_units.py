"""Selective units: planted ones are found."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.readings import selective_units as module
from rnnx.readings._features import FEATURES
from rnnx.readings.selective_units import selective_units
from rnnx.types import Cell
from rnnx.vocabulary import characters_of, words_of
from tests.readings.readers import reader

RNG = np.random.default_rng(0)
WORDS = [f"{word}{'.' * (n % 7 == 0)}" for n, word in enumerate(RNG.choice(["to", "be", "or", "nothing", "at"], 900))]
TEXT = "\n".join(" ".join(WORDS[n : n + n % 11 + 3]) for n in range(0, 900, 8))
VOCABULARY = characters_of(TEXT)


class Counts(NamedTuple):
    n: jax.Array  # [..., 3]


def counter():
    """s_t = (characters since the line end, the number of the line, 1/2)."""

    def step(params, state, x):
        since, lines, half = jnp.split(state.n, 3, axis=-1)
        return Counts(jnp.concatenate([(since + 1) * (1 - x), lines + x, half], axis=-1))

    return Cell(
        init=lambda key, input_size: (),
        initial_state=lambda params, batch: Counts(jnp.broadcast_to(jnp.array([0, 0, 0.5]), (*batch, 3))),
        step=step,
        read=lambda params, state, x: state.n,
        output_size=3,
    )


class Counting(nnx.Module):
    """A counter, and a recurrent part of random weights beside it."""

    def __init__(self, cell, task, *, rngs):
        self.line_end, self.task_size = VOCABULARY.line_end, task.vocab_size
        self.cell, self.counter = cell, counter()
        self.params = nnx.Param(cell.init(rngs.params(), task.vocab_size))

    def __call__(self, batch, run=rnnx.plain_run):
        run("counter", self.counter, (), (batch.inputs == self.line_end)[..., None].astype(float))
        run("other", self.cell, self.params.get_value(), jax.nn.one_hot(batch.inputs, self.task_size))
        return jnp.zeros((*batch.inputs.shape, self.task_size))


def counting(cell=None, text=TEXT):
    return reader(Counting, cell or rnnx.lstm(4), tokens=VOCABULARY.encode(text), vocabulary=VOCABULARY)


def test_a_unit_that_counts_the_characters_of_a_line_is_found():
    read = selective_units(counting())
    assert read["selective_units/line_position/unit"] == "counter/n[0]"
    for of in ("chosen_by", "correlation"):
        assert read[f"selective_units/line_position/{of}"] == pytest.approx(1, abs=1e-9)  # whole numbers, float64
    passage = "".join(read["selective_units/line_position/text"])
    start = TEXT.index(passage)
    assert start >= len(TEXT) // 2  # where it was not chosen
    expected = FEATURES["line_position"](TEXT)[start : start + len(passage)]
    np.testing.assert_array_equal(read["selective_units/line_position/activation"], expected)
    assert "\n" in passage
    assert 0 < abs(read["selective_units/word_position/correlation"]) < 1


def test_what_chose_a_unit_does_not_confirm_it(monkeypatch):
    """It is the largest on one half, in size, and what is told is of the other, where another one may be larger."""

    def correlations(reader, tokens, features, warm_up, size):
        chosen_by, correlation = np.zeros((2, len(features), 11))
        chosen_by[:, 4], chosen_by[:, 5], correlation[:, 4], correlation[:, 5] = -0.9, 0.8, 0.1, 0.7
        return chosen_by, correlation

    monkeypatch.setattr(module, "_correlations", correlations)
    read = selective_units(counting())
    told = [read[f"selective_units/word_position/{name}"] for name in ("unit", "chosen_by", "correlation")]
    assert told == ["other/h[1]", -0.9, 0.1]


def test_the_first_half_of_the_text_chooses():
    of = counting(text=TEXT[:1600])
    N = len(of.tokens)
    warm_up, size = 256, (N - 256) // 64
    middle = warm_up + 32 * size
    features = np.stack([FEATURES["line_position"](TEXT[:N])] * 2)
    features[1, middle:] *= -1  # it goes with the unit in the first half, and against it in the second
    first, second = module._correlations(of, of.tokens, features, warm_up, size)
    np.testing.assert_allclose(first[:, 0], [1, 1], atol=1e-9)
    np.testing.assert_allclose(second[:, 0], [1, -1], atol=1e-9)


def test_what_a_text_does_not_have_is_not_told():
    """Nor what it has in one half alone, where it could not be confirmed."""
    read = selective_units(counting(text=TEXT[:2000]))
    features = {tag.split("/")[1] for tag in read}
    assert features == {"line_position", "word_position"}


def test_numbers_of_the_state_are_those_of_all_parts_and_complex_ones_two():
    shapes = module._shapes(counting(rnnx.lru(2)), B=3)
    assert module._names(shapes.seen) == [
        *(f"counter/n[{n}]" for n in range(3)),
        *("other/h[0].real", "other/h[1].real", "other/h[0].imag", "other/h[1].imag"),
    ]
    seen = {"b": Counts(np.arange(12.0).reshape(2, 2, 3) * (1 + 2j)), "c": Counts(np.ones((2, 2, 1, 2)))}
    numbers = module._numbers(seen)
    np.testing.assert_array_equal(numbers[0, 1], [3, 4, 5, 6, 8, 10, 1, 1])
    assert module._names(seen)[-2:] == ["c/n[0,0]", "c/n[0,1]"]
    assert module._names({"cell": seen["c"]}) == ["n[0,0]", "n[0,1]"]


def test_correlations_are_those_of_all_characters_however_they_are_read():
    features, states = RNG.normal(size=(2, 30, 4)), RNG.normal(size=(30, 4, 3)) + 100
    states[..., 0] += 5 * features[1]
    states[..., 1] = 7.1
    sums = module._Sums()
    for chunk in np.split(np.arange(30), [7, 20]):
        sums.add(features[:, chunk], states[chunk].astype(np.float32))
    found = sums.correlation()
    exact = np.corrcoef(features.reshape(2, -1), states.reshape(-1, 3)[:, [0, 2]].T)[:2, 2:]
    np.testing.assert_allclose(found[:, [0, 2]], exact, atol=1e-5)  # states of a hundred, rounded by 6e-8 of that
    np.testing.assert_array_equal(found[:, 1], 0)  # it does not vary
    states[0, 0, 2] = np.nan
    sums.add(features, states)
    assert np.isnan(sums.correlation()[:, 2]).all()


@pytest.mark.parametrize("chunk", [64, 1000])
def test_memory_goes_on_from_chunk_to_chunk(chunk):
    of = counting()
    tokens = of.tokens[: 3 * 150].reshape(3, 150).T
    states = np.concatenate(list(module._read(of, tokens, chunk)))
    (whole,) = module._read(of, tokens, len(tokens))
    # float32 rounds at 6e-8, in some tens of operations a step of a network that forgets.
    np.testing.assert_allclose(states, whole, atol=1e-5)
    np.testing.assert_array_equal(states[:, 0, 0], FEATURES["line_position"](TEXT)[:150])


def test_quotation_marks_brackets_and_speakers():
    text = 'ROMEO:\n“I (said) go.”\n\n“Never closed\n\nShe: "a" b\n\nhe said: no\n'
    told = {name: "".join(c for c, on in zip(text, f(text), strict=True) if on) for name, f in FEATURES.items()}
    assert told["speaker"] == "ROMEOShe"
    assert told["quotes"] == '“I (said) go.“Never closed\n"a'
    assert told["brackets"] == "(said"


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda: reader("sequence", tokens=[2, 3], vocabulary=words_of(TEXT, 1)), "this text is one of words"),
        (lambda: counting(text=TEXT[:200]), "reads 256 characters at least, and the test part has 200"),
        (lambda: reader("sequence", bidirectional=True), "'backward' runs in reverse"),
    ],
)
def test_what_it_is_not_for(of, message):
    with pytest.raises(ValueError, match=message):
        selective_units(of())
