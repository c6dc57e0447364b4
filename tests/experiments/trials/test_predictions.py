"""What a trial wrote to the test split: its numbers beside those of the split, and every line of it on disk."""

import functools
import json

import pytest

from experiments import build, config
from experiments.analysis import translating
from experiments.analysis.translating import Search
from experiments.studies import study
from experiments.trials import loop, predictions
from experiments.trials.trial import TrialGroup
from rnnx import examples
from rnnx.logbook.files import DamagedError
from rnnx.report.trial import read_trial
from rnnx.types import Written
from tests.experiments import study_small
from tests.helpers import board_events

pytestmark = pytest.mark.xdist_group("predictions")  # its trials share their program

DICTIONARY = """banana B AH0 N AE1 N AH0
tomato T AH0 M EY1 T OW2
tomato(2) T AH0 M AA1 T OW2
hebe HH IY1 B
school S K UW1 L
and AH0 N D
and(2) AE1 N D
heckle HH EH1 K AH0 L
"""


def make(directory, **settings):
    path = directory / "small.dict"
    path.write_text(DICTIONARY)
    base = study_small.get_config()
    base.diagnostics, base.cell.name, base.learning_rate = (), "gru", 0.1
    base.task.name, base.task.path, base.task.length = "pronunciation", str(path), 6
    base.model.attention = "dot"
    base.steps, base.measure_every, base.measure_batch_size = 20, 4, 2
    base.update_from_flattened_dict(settings)
    (trial,) = study.resolve(base, [{}], directory / "runs")
    return trial


def run(trial):
    outcomes = []
    loop.run(TrialGroup((trial,), 1), lambda news: outcomes.append(news.outcome))
    assert outcomes[-1] == "done"
    return json.loads((trial.directory / "DONE.json").read_text())


def lines(trial, which):
    text = (trial.directory / "predictions" / f"{which}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_last_and_the_best_parameters_write_once_at_the_end(tmp_path):
    trial = make(tmp_path)
    done = run(trial)
    for which in ("last", "best"):
        records, numbers = lines(trial, which), done["test"][which]
        assert [record["input"] for record in records] == ["school", "and", "heckle"]
        assert records[1]["targets"] == ["AH N D", "AE N D"]
        assert numbers["word_error_rate"] == sum(record["errors"] > 0 for record in records) / 3
        assert numbers["phoneme_error_rate"] == sum(r["errors"] for r in records) / sum(r["phonemes"] for r in records)
        assert {"loss", "accuracy", "exact"} <= numbers.keys()
    assert done["best"]["step"] < done["steps"]
    assert lines(trial, "best") != lines(trial, "last")
    shown = board_events.numbers(trial.directory)
    assert shown["final/test/best/word_error_rate"][0][1] == pytest.approx(done["test"]["best"]["word_error_rate"])
    translator = translating.translator(trial.directory, "latest")  # of what lies there alone
    sources = [translating.read(translator, record["input"], "") for record in lines(trial, "last")]
    written = [text for (text,) in translating.likeliest(translator, sources, Search())]
    assert written == [record["output"] for record in lines(trial, "last")]
    after = read_trial(trial.directory, tmp_path).after
    assert after["test/last/phoneme_error_rate"] == done["test"]["last"]["phoneme_error_rate"]


def test_what_is_written_to_held_out_examples_is_kept_at_each_measurement(tmp_path, monkeypatch):
    """Where the task shows it: as a file, which the report reads, and as a picture. Training again begins them anew."""
    made = build.task

    @functools.cache
    def showing(config):
        task = made(config)
        words = task.data["phonemes"].split()

        def shown(batch, outputs):
            example = examples.first(task, batch)
            return [Written(example, "right", " ".join(words[code] for code in output)) for output in outputs]

        return task._replace(decoding=task.decoding._replace(shown=shown))

    monkeypatch.setattr(build, "task", showing)
    trial = make(tmp_path, steps=8, measure_batch_size=1)
    run(trial)
    found = read_trial(trial.directory, tmp_path)
    assert list(found.written) == [0, 4, 8]
    assert [len(written) for written in found.written.values()] == [1, 1, 1]
    assert found.written[8][0].example == found.example
    assert found.written[0] != found.written[8]
    assert [event.step for event in board_events.read(trial.directory).Images("samples")] == [0, 4, 8]
    sample = trial.directory / "samples" / "8.json"
    (trial.directory / "samples" / "12.json").write_text("{}")  # as of a session that went further than its checkpoint
    (trial.directory / "samples" / "16.json.tmp").write_text("{")  # as of one that was killed while it wrote
    (trial.directory / "DONE.json").unlink()
    run(trial)
    assert sorted(path.name for path in sample.parent.iterdir()) == ["0.json", "4.json", "8.json"]
    sample.write_text('{"written": [{"target": "right"}]}')
    with pytest.raises(DamagedError, match=r"8\.json is not what was written: it has not example, target, output\.$"):
        read_trial(trial.directory, tmp_path)


@pytest.mark.slow
def test_a_trial_that_goes_on_has_no_predictions_until_it_ends(tmp_path, monkeypatch):
    trial = make(tmp_path, steps=8)
    run(trial)
    before = lines(trial, "last")
    grown = make(tmp_path, steps=12)

    def stop(*_):
        raise RuntimeError("before it is tested")

    with monkeypatch.context() as patch:
        patch.setattr(predictions, "predictor", stop)
        loop.run(TrialGroup((grown,), 1), lambda news: None)
    assert not list((grown.directory / "predictions").iterdir())
    run(grown)
    assert [record["input"] for record in lines(grown, "last")] == [record["input"] for record in before]


def test_of_a_model_that_can_not_write_the_split_is_read_all_the_same(tmp_path):
    """Of the task that it would have to write for; and of a task that asks for nothing there is nothing to write."""
    made = config.parse(study_small.get_config())
    adding = build.task(made)
    assert predictions.predictor(made, adding) is None
    trial = make(tmp_path)
    assert predictions.predictor(trial.config, build.task(trial.config)) is not None
    asking = build.task(trial.config).decoding
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "task", lambda config: adding._replace(decoding=asking))
        assert predictions.predictor(made, build.task(made)) is None
