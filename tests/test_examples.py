"""Examples as people see them."""

import jax
import numpy as np
import pytest

import rnnx
from rnnx import examples
from tests.helpers import compiled


def first(name, length, key=0, batch_size=3):
    task = rnnx.tasks.get(name)()
    batch = jax.tree.map(np.asarray, compiled.sample(task.sample, jax.random.key(key), batch_size, length))
    return examples.first(task, batch), batch


def test_the_marks_of_the_adding_problem_are_where_its_two_numbers_are():
    example, batch = first("adding", 12)
    numbers, markers = batch.inputs[:, 0].T
    assert example.marks == np.flatnonzero(markers).tolist()
    assert sum(numbers[example.marks]) == pytest.approx(batch.targets[-1, 0, 0])


def test_the_marks_of_temporal_order_are_the_symbols_that_decide():
    example, _ = first("temporal_order", 20)
    pieces = example.data["pieces"]
    assert "".join(pieces[step] for step in example.marks) == example.data["target"]
    assert all(piece in "cdef" for step, piece in enumerate(pieces) if step not in example.marks)


@pytest.mark.parametrize(("name", "length"), [("copy_memory", 25), ("reverse", 6)])
def test_what_is_to_be_told_stands_at_the_mark(name, length):
    example, _ = first(name, length, key=1)
    (mark,) = example.marks
    assert example.data["pieces"][mark] == example.data["target"]


def test_a_date_is_read_by_the_encoder_and_written_by_the_decoder():
    example, batch = first("dates", 29)
    text = "".join(example.data["pieces"])
    source, _, written = text.partition("→")
    assert example.steps == {"encoder": batch.lengths[0], "decoder": 10}
    assert len(source) == batch.lengths[0]
    assert len(written + example.data["target"]) == 10


def test_a_tree_has_its_words_at_the_leaves():
    example, batch = first("tournament", 5)
    leaves = [pair == [-1, -1] for pair in example.data["children"]]
    assert [bool(word) for word in example.data["words"]] == leaves
    assert example.scored == 8
    hands = ("rock", "paper", "scissors")
    told = [hands[int(word)] if leaf else "" for word, leaf in zip(batch.inputs.words[:, 0], leaves, strict=True)]
    assert example.data["words"] == told


def test_a_task_that_shows_nothing_is_one_square_a_step():
    task = rnnx.tasks.get("adding")()._replace(example=None)
    batch = jax.tree.map(np.asarray, compiled.sample(task.sample, jax.random.key(0), 3, 12))
    example = examples.first(task, batch._replace(lengths=np.array([7, 12, 12])))
    assert (example.kind, example.steps, example.marks) == ("sequence", {"": 7}, [])
    assert examples.first(task, batch._replace(weights=np.zeros((12, 3)))).scored == 11
    whole = examples.first(task, batch._replace(weights=np.ones(3)))  # one loss an example
    assert (whole.steps, whole.scored) == ({"": 12}, 11)
