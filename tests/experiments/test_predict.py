"""What a trained model says of a text, from the command line."""

import io
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import build, config
from experiments.analysis import checkpoints, predicting, saved
from experiments.config import ConfigError
from experiments.trials import loop, trial
from experiments.trials.trial import Trial
from rnnx.logbook.checkpoints import by_name
from rnnx.report.on_data import paint
from rnnx.training.program import applying, split
from rnnx.unroll import plain_run
from tests.experiments import study_small
from tests.experiments.commands import run

pytestmark = pytest.mark.xdist_group("predict")  # its trials are made once

SENTENCES = "".join(f"it is {w} , no. {n}\t{w}\n" for n in range(30) for w in ("good", "bad"))
TREES = "".join(f"({n % 4} ({n % 5} it) ({n % 4} {('bad', 'good')[n % 2]}{n % 7}))\n" for n in range(120))


def train(name, directory, task, cell, **options):
    """A trial of twenty steps, whose data is that of one's own."""
    path = directory / f"{task}.txt"
    path.write_text(TREES if task == "sentiment_trees" else SENTENCES)
    given = study_small.get_config()
    given.task.name, given.task.path, given.task.length = task, str(path), 12
    given.cell.name, given.steps, given.diagnostics, given.learning_rate = cell, 20, (), 0.05
    given.model.update(options)
    loop.run(trial.TrialGroup((Trial(name, config.parse(given), directory / name),), 1), lambda news: None)
    assert (directory / name / "DONE.json").exists(), (directory / name / "FAILED.json").read_text()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sentiment")
    train("sequence", directory, "sentiment", "rnn", bidirectional=True)
    train("tree", directory, "sentiment_trees", "recursive")
    return directory


def lines_of(*arguments):
    done = run("predict", *arguments)
    assert done.returncode == 0, done.stderr
    chances, words = done.stdout.rstrip("\n").split("\n\n")
    return [[line.split(maxsplit=1) for line in part.splitlines()] for part in (chances, words)]


def loss_of(directory, text):
    """(word vectors) -> logits, and those that the trial has, by the model itself."""
    made = saved.config_of(directory)
    task = build.task(made)
    model = build.model(made, task)
    shapes = jax.eval_shape(lambda: split(model, jax.random.key(0))[1])
    arrays = saved.arrays_of(directory, "latest")
    params = jax.tree.unflatten(jax.tree.structure(shapes), [jnp.asarray(arrays[name]) for name in by_name(shapes)])
    apply, batch = applying(model), task.read(text)
    words = batch.inputs if task.model == "sequence" else batch.inputs.words
    # Each word with a vector of its own, so that what is said of it is said of no other.
    alone = jnp.arange(len(words))[:, None]
    inputs = alone if task.model == "sequence" else batch.inputs._replace(words=alone)

    def logits(vectors):
        embedding = params["embedding"] | {"embedding": vectors}
        return apply(params | {"embedding": embedding}, batch._replace(inputs=inputs), plain_run)[-1, 0]

    return task, logits, params["embedding"]["embedding"][words[:, 0]]


@pytest.mark.parametrize(
    ("name", "flag", "text", "words"),
    [
        ("sequence", "--sentence", "It is good, no?", ["<unk>", "is", "good", ",", "no", "<unk>"]),
        ("tree", "--tree", "((it good3) bad2)", ["it", "good3", "bad2"]),
    ],
)
def test_it_says_what_the_model_says_and_by_which_words(workdir, name, flag, text, words):
    """Probabilities by a softmax of the model's own outputs; words by the derivative by their vectors, in a model that
    reads them in both directions."""
    task, logits, vectors = loss_of(workdir / name, text)
    chances, shown = lines_of(f"--workdir={workdir / name}", f"{flag}={text}")
    p = jax.nn.softmax(logits(vectors))
    expected = dict(zip(task.classes, np.asarray(p, float), strict=True))
    found = {name: float(value) for value, name in chances}
    assert found == pytest.approx(expected, abs=6e-5)  # four digits are shown
    assert list(found.values()) == sorted(found.values(), reverse=True)
    norms = jnp.linalg.norm(jax.grad(lambda v: jax.nn.log_softmax(logits(v))[jnp.argmax(p)])(vectors), axis=-1)
    read = norms if name == "sequence" else norms[jnp.array([0, 1, 3])]
    assert [word for _, word in shown] == words
    assert [float(share) for share, _ in shown] == pytest.approx((read / read.max()).tolist(), abs=6e-5)


def prediction(chances, words):
    """Of which nothing is drawn."""
    return predicting.Prediction(chances, words, None, {}, [])


@pytest.mark.parametrize(
    ("name", "flag", "text", "parts"),
    [
        ("sequence", "--sentence", "it is good , no", ["forward", "backward"]),
        ("tree", "--tree", "((it good3) bad2)", ["tree"]),
    ],
)
def test_a_picture_has_the_gradient_and_the_class_at_every_step(workdir, tmp_path, name, flag, text, parts):
    """As the model itself has them, and a file of the format that is asked for."""
    said = predicting.predict(workdir / name, "latest", flag, text)
    _, logits, vectors = loss_of(workdir / name, text)
    assert set(said.on_data) == set(parts)
    assert all(len(values) == len(vectors) == len(said.predicted) for values in said.on_data.values())
    assert said.predicted[-1] == int(jnp.argmax(logits(vectors)))
    assert said.on_data[parts[0]][-1] == 0  # all of the gradient there is at the scored step
    predicting.draw(said, tmp_path / "said.svg")
    drawn = (tmp_path / "said.svg").read_text()
    assert "</svg>" in drawn
    assert "beside it true" not in drawn, "what is true of a text of anyone's is not known"


def test_after_a_text_stands_what_the_model_says(workdir, tmp_path, monkeypatch):
    """And not the class that stands in the batch, where nothing is known."""
    said = predicting.predict(workdir / "sequence", "latest", "--sentence", "it is good")
    painted = []
    monkeypatch.setattr(predicting, "paint", lambda *args, **named: painted.append(args) or paint(*args, **named))
    for name in ("fine", "dull"):
        predicting.draw(said._replace(chances=[(name, 1.0)]), tmp_path / "said.png")
    assert [example.data["target"] for example, _ in painted] == ["fine", "dull"]


def test_a_model_is_not_asked_on_other_data_than_it_was_trained_on(workdir, tmp_path):
    """Whose words have other numbers, or whose values another scale."""
    directory = shutil.copytree(workdir / "sequence", tmp_path / "sequence")
    record = json.loads((directory / "config.json").read_text())
    record["data"]["sha256"] = "00"
    (directory / "config.json").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"^.* was trained on other data: sha256 \(00 there, .*\. Put back what .*$"):
        predicting.predict(directory, "latest", "--sentence", "it is good")
    of = Trial("sequence", saved.config_of(directory), directory)
    with pytest.raises(ConfigError, match=r"^.* was trained on other data: "):
        checkpoints.subject(of, "latest", 2)


def test_on_a_terminal_words_stand_side_by_side(monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    predicting.show(prediction([("good", 0.75), ("bad", 0.25)], [("so", 0.0), ("good", 1.0)]))
    shown = capsys.readouterr().out
    assert "0.7500  good" in shown
    assert "\x1b[30;107m so " in shown  # black on white, where there is no gradient
    assert "\x1b[37;44m good " in shown
    assert shown.index(" so ") < shown.index(" good ", shown.index(" so "))


@pytest.mark.parametrize("terminal", [False, True])
def test_what_can_not_be_shown_is_replaced(monkeypatch, terminal):
    """On a terminal, or in a pipe, of another encoding."""
    monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", str(int(terminal)))
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    predicting.show(prediction([("good", 0.75), ("bad", 0.25)], [("cliché", 1.0)]))
    assert b"clich?" in written.getvalue()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("sequence", ("--tree=((it is) good)",), "--tree: the task 'sentiment' reads what is given by --sentence."),
        ("sequence", ("--sentence= ",), "--sentence: there are no words in it."),
        (
            "sequence",
            ("--sentence=good", "--picture=good.txt"),
            "--picture=good.txt: it must end as pictures do, in",
        ),
        (
            "sequence",
            ("--sentence=good", "--picture=good.pgf"),  # which needs a program of its own
            "--picture=good.pgf: it must end as pictures do, in",
        ),
        ("sequence", ("--sentence=good", "--picture=no/good.png"), "--picture=no/good.png: there is no folder no."),
        ("sequence", ("--sentence=good", "--checkpoint=7"), "has no checkpoint 7; steps that are kept:"),
        ("tree", ("--sentence=it is good",), "--sentence: the task 'sentiment_trees' reads what is given by --tree."),
        ("tree", ("--tree=it is good",), "--tree: character 22: there are 3 trees, where it is"),
        ("tree", ("--tree=",), "--tree: there are no words in it."),
        ("", ("--sentence=good",), "holds no trial: it has no config.json"),
    ],
)
def test_mistakes_are_one_line(workdir, name, arguments, message):
    done = run("predict", f"--workdir={workdir / name}", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_task_that_shows_no_words_is_told(workdir, monkeypatch):
    made = build.task
    monkeypatch.setattr(build, "task", lambda config: made(config)._replace(example=None))
    with pytest.raises(ConfigError, match=r"^the task 'sentiment' shows its examples as neither texts nor trees of"):
        predicting.predict(workdir / "sequence", "latest", "--sentence", "good")


def test_a_trial_that_tells_no_class_or_of_other_words_is_told(workdir, tmp_path):
    (tmp_path / "adding").mkdir()
    record = {"config": config.parse(study_small.get_config()).to_dict()}
    (tmp_path / "adding" / "config.json").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"^the task of .*adding, 'adding', does not tell the class of a text\.$"):
        predicting.predict(tmp_path / "adding", "latest", "--sentence", "good")
    shutil.copytree(workdir / "tree", tmp_path / "tree")
    grown = tmp_path / "sentiment_trees.txt"
    grown.write_text(TREES + TREES.replace("it", "they"))
    path = tmp_path / "tree" / "config.json"
    record = json.loads(path.read_text().replace(str(workdir), str(tmp_path)))
    del record["data"]  # else that is told
    path.write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"is of another model, or the words of its task are no longer the same\.$"):
        predicting.predict(tmp_path / "tree", "latest", "--tree", "(it good3)")
    grown.unlink()
