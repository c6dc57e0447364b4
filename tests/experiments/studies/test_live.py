"""The view of a study while it runs: drawn as trials end, never in the way of the study."""

import math

import pytest

from experiments import config
from experiments.executors import Options
from experiments.studies import live, study
from experiments.trials.trial import Progress
from rnnx.logbook import hparams
from rnnx.report import board
from tests.report.records import write_trial

OPTIONS = Options(1, 0.0, {})


@pytest.fixture
def trials(tmp_path):
    """A recorded study of two trials, one of which has been run."""
    made = study.resolve(config.default(), [{"cell.name": name} for name in ("rnn", "gru")], tmp_path)
    study.record(tmp_path, "study", made)
    write_trial(made[0].directory)
    return made


@pytest.fixture
def drawn(monkeypatch):
    """How often the view is drawn."""
    times = []
    monkeypatch.setattr(board, "write", lambda *given, **options: times.append(given))
    return times


def run(tmp_path, trials, news, error=None):
    """What is heard of an executor that says some news, and then fails or not."""
    heard = []

    def executor(groups, options, update):
        for one in news:
            update(one)
        if error:
            raise error

    live.shown(executor, tmp_path, trials)([], OPTIONS, heard.append)
    return heard


def ended(trial):
    return Progress(trial.name, 20, math.nan, "done")


def test_the_view_is_drawn_at_the_end_and_news_are_heard_as_before(tmp_path, trials):
    news = [Progress(trials[0].name, 10, 0.5), ended(trials[0])]
    assert run(tmp_path, trials, news) == news
    assert list((tmp_path / "_study").glob("*.summary"))
    assert hparams.has_study(tmp_path / "_study")


def test_it_is_drawn_meanwhile_as_far_as_there_is_time(tmp_path, trials, drawn, monkeypatch):
    news = [ended(trial) for trial in trials for _ in range(5)]
    monkeypatch.setattr(live, "_SHARE", 0.0)
    run(tmp_path, trials, news)
    assert len(drawn) == 1  # in the end
    monkeypatch.setattr(live, "_SHARE", math.inf)
    run(tmp_path, trials, news)
    assert len(drawn) > 2


def test_it_is_not_drawn_where_nothing_ended_or_the_study_is_stopped(tmp_path, trials, drawn):
    run(tmp_path, trials, [Progress(trials[0].name, 10, 0.5)])
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, trials, [ended(trials[0])], KeyboardInterrupt())
    assert drawn == []


def test_the_study_goes_on_where_it_cannot_be_drawn(tmp_path, trials, monkeypatch, capsys):
    def full(*given, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(board, "write", full)
    run(tmp_path, trials, [ended(trials[0])])
    assert "TensorBoard's view of the study is not up to date: No space left on device" in capsys.readouterr().err


def test_columns_of_parts_are_there_once_a_trial_has_told_of_them(tmp_path, trials, drawn, monkeypatch):
    written = []
    monkeypatch.setattr(study, "write_columns", lambda directory, metrics: written.append(metrics))
    run(tmp_path, trials, [ended(trials[0])])
    assert written == []  # as they were
    deep = {"encoder/state_gradient/state/reach": 3.0}

    def executor(groups, options, update):
        write_trial(trials[1].directory, extra=deep)
        update(ended(trials[1]))

    live.shown(executor, tmp_path, trials)([], OPTIONS, lambda news: None)
    assert "encoder/state_gradient/state/reach" in written[0]
