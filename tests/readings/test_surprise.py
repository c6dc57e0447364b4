"""Surprise of a passage."""

import functools

import numpy as np
import pytest

import rnnx
from rnnx.readings import Reader, text_of
from rnnx.readings.surprise import surprise
from rnnx.training.evaluation import evaluate
from rnnx.training.program import program
from rnnx.vocabulary import Vocabulary, words_of
from tests.helpers.texts import written
from tests.models.test_ngram import reference
from tests.readings.readers import LETTERS, TEXT, V, drawn, reader


def test_that_of_an_n_gram_is_its_table():
    """Of a text that is no longer than a passage, all of it but the first token, of which nothing is predicted."""
    read = surprise(reader("ngram", order=3))
    p = reference(TEXT, V, 3, "kneser_ney")
    tokens = TEXT.tolist()
    expected = [-np.log(p(tokens[:n], tokens[n])) for n in range(1, len(tokens))]
    # Sums of three terms in float32, each rounded a few times by 6e-8.
    np.testing.assert_allclose(read["surprise/nats"], expected, rtol=2e-6, atol=1e-6)
    assert read["surprise/mean"] == pytest.approx(np.mean(expected), rel=1e-6)
    assert "".join(read["surprise/text"]) == LETTERS.decode(TEXT[1:])


def test_its_mean_over_all_of_a_text_is_the_loss_of_the_test_part(tmp_path):
    text = "".join(f"{n} times {n}\nis {n * n}.\n" for n in range(200))
    task = rnnx.tasks.get("characters")(path=written(tmp_path, text))
    model = functools.partial(rnnx.models.get("sequence"), rnnx.lstm(6), task)
    shape = {"length": 8, "batch_size": 2, "steps_per_dispatch": 1, "measure_batch_size": 2}
    score = program(model, task, **shape, diagnostics=()).score
    graphdef, params = drawn(model)
    tokens = text_of(task)
    assert 250 < len(tokens) < 600
    read = surprise(Reader(graphdef, params, rnnx.plain_run, task, 8, tokens))
    loss = evaluate(score, params, task.test_batches(1))["loss"]
    assert read["surprise/mean"] == pytest.approx(loss, rel=1e-6)  # float32 rounds at 6e-8, in sums of some hundreds
    assert np.std(read["surprise/nats"]) > 0.1


def test_a_passage_begins_with_a_paragraph_after_what_fills_the_memory():
    tokens = np.tile(TEXT, 8)
    tokens[tokens == 0] = 1
    tokens[[1030, 1049, 1050]] = 0  # a line, and a paragraph after it
    whole = surprise(reader("ngram", order=3, tokens=tokens[1040:1641]))
    read = surprise(reader("ngram", order=3, tokens=tokens))
    assert "".join(read["surprise/text"]) == LETTERS.decode(tokens[1051:1651])
    np.testing.assert_allclose(read["surprise/nats"][:580], whole["surprise/nats"][10:590], rtol=1e-6)


def test_pieces_of_words_make_the_text():
    text = "To be, or not to be: (that) is\n\nthe question!\n"
    vocabulary = words_of(text, 1)
    tokens = vocabulary.encode(text)
    pieces = vocabulary.pieces(tokens)
    assert "".join(pieces) == vocabulary.decode(tokens)
    assert len(pieces) == len(tokens)
    read = surprise(reader("sequence", tokens=tokens, vocabulary=vocabulary))
    assert read["surprise/text"] == pieces[1:]


def test_a_sign_of_any_kind_is_kept():
    vocabulary = Vocabulary("character", ("\0", "\n", "$", "é", "a"))
    read = surprise(reader("sequence", tokens=[4, 0, 1, 2, 3, 0], vocabulary=vocabulary))
    assert read["surprise/text"] == ["\0", "\n", "$", "é", "\0"]


def test_what_reads_later_tokens_too_is_refused():
    with pytest.raises(ValueError, match="'backward' runs in reverse"):
        surprise(reader("sequence", bidirectional=True))
