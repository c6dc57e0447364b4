"""What every reading keeps to; a new file is tested on arrival."""

import numpy as np
import pytest

import rnnx
from rnnx import readings
from tests.helpers.texts import written
from tests.readings.readers import TEXT, reader


@pytest.mark.parametrize("name", readings.names())
def test_a_tag_and_its_declaration(name):
    declared = readings.tags(name)
    read = readings.get(name)(reader("sequence", tokens=np.tile(TEXT, 2)))
    assert read
    for tag in read:
        assert sum(one.declares(tag) for one in declared) == 1, tag
    for one in declared:
        assert one.name.startswith(f"{name}/")
        assert one.meaning
        assert any(one.declares(tag) for tag in read), one.name


@pytest.mark.parametrize("name", readings.names())
def test_what_is_not_a_number_is_told_as_such(name):
    read = readings.get(name)(reader("sequence", tokens=np.tile(TEXT, 2), scale=np.nan))
    numbers = {tag: value for tag, value in read.items() if np.issubdtype(np.asarray(value).dtype, np.floating)}
    assert any(np.isnan(value).all() for value in numbers.values())
    of_model = {tag: value for tag, value in numbers.items() if not tag.endswith(("without_memory", "accuracy"))}
    assert all(np.isnan(value).any() for value in of_model.values()), of_model


def test_no_name_is_that_of_a_diagnostic():
    """Both are what `experiments.analyze --diagnostics` takes."""
    assert not {*readings.names()} & {*rnnx.diagnostics.names()}


@pytest.mark.parametrize("name", ["characters", "words"])
def test_the_text_is_the_part_to_test_on(tmp_path, name):
    text = "".join(f"{n} is not {n * n}\n" for n in range(300))
    task = rnnx.tasks.get(name)(path=written(tmp_path, text))
    tokens = readings.text_of(task)
    told = task.vocabulary.decode(tokens)
    if name == "characters":
        assert told == text[len(text) * 90 // 100 :]
    else:
        assert told.endswith("\n<unk> is not <unk>\n")
        assert len(tokens) == sum(int(batch.weights.sum()) for batch in task.test_batches(5)) + 1


def test_a_task_without_a_text_is_told():
    for name in ("adding", "dates"):
        task = rnnx.tasks.get(name)()
        assert readings.text_of(task) is None
        for of in ("tokens", "vocabulary"):
            with pytest.raises(ValueError, match="the task has no text"):
                getattr(readings.Reader(None, None, rnnx.plain_run, task, 8), of)
