"""What a trained model writes, from the directory of its trial alone."""

import json
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import config
from experiments.analysis import writing
from experiments.config import ConfigError
from experiments.trials import loop, trial
from experiments.trials.trial import Trial
from rnnx import decoding
from rnnx.logbook.checkpoints import by_name
from rnnx.types import Batch
from tests.experiments import study_small
from tests.experiments.commands import command, run
from tests.variants import slow_unless

pytestmark = pytest.mark.xdist_group("generate")  # its trials are made once

TEXT = "to be, or not to be: that is the qu\u00e9stion\n" * 60


def train(name, directory):
    """A trial of twenty steps of one of some models; the text that it was trained on is gone."""
    task = "words" if name == "words" else "characters"
    (directory / "text.txt").write_text(TEXT)
    given = study_small.get_config()
    given.task.name, given.task.path, given.task.length = task, str(directory / "text.txt"), 8
    given.steps, given.diagnostics = 20, ()
    if name == "ngram":
        given.model.update({"name": name, "order": 3})
    made = Trial(name, config.parse(given), directory / name)
    loop.run(trial.TrialGroup((made,), 1), lambda news: None)
    assert (directory / name / "DONE.json").exists(), (directory / name / "FAILED.json").read_text()
    (directory / "text.txt").unlink()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("language")
    train("lstm", directory)
    return directory


@pytest.fixture(scope="module")
def trained(workdir):
    """`trained(name)`: the directory of a trial of that model, made when it is first asked for."""

    def trained(name):
        if not (workdir / name).exists():
            train(name, workdir)
        return workdir / name

    return trained


def text_of(*arguments, **environment):
    done = run("generate", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "lstm", ["lstm", "words", "ngram"]))
def test_a_model_writes_without_its_data(trained, name):
    given = (f"--workdir={trained(name)}", "--prompt=to be", "--length=40")
    written = text_of(*given)
    assert written.startswith("to be")
    assert written == text_of(*given)
    assert written != text_of(*given, "--seed=1")
    if name != "words":
        assert len(written) == len("to be") + 40 + len("\n")
        assert set(written) <= set(TEXT)


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "lstm", ["lstm", "words"]))
def test_in_pieces_it_is_what_is_drawn_at_once(trained, name):
    """Of words, their spaces too."""
    writer = writing.writer(trained(name), "latest")
    prompt = writer.read("to be")
    chances = writing.Chances(temperature=0.7, top_k=9, top_p=0.9)
    pieces = list(writing.drawn(writer, prompt, 70, chances, (3, 2)))
    assert len(pieces) == 3
    key = jax.random.fold_in(jax.random.key(3), 2)
    batch = Batch(jnp.asarray(prompt[:, None]), None, jnp.ones((len(prompt), 1)))
    whole = decoding.sample(writer.model, writer.params, batch, key, length=70, **chances._asdict())
    assert "to be" + "".join(pieces) == writer.vocabulary.decode([*prompt, *whole[:, 0]])


def test_parameters_are_those_of_the_checkpoint_that_is_named(workdir):
    latest, last, before = (
        jax.tree.leaves(writing.writer(workdir / "lstm", which).params)[0] for which in ("latest", "20", "10")
    )
    np.testing.assert_array_equal(latest, last)
    assert (last != before).any()
    done = json.loads((workdir / "lstm" / "DONE.json").read_text())
    with np.load(workdir / "lstm" / "checkpoints" / "best" / f"{done['best']['step']}.npz") as arrays:
        found = by_name(writing.writer(workdir / "lstm", "best").params)
        assert found.keys() == set(arrays)
        for name, array in found.items():
            np.testing.assert_array_equal(array, arrays[name])


def test_a_beam_of_one_takes_the_likeliest_each_time(workdir):
    writer = writing.writer(workdir / "lstm", "latest")
    prompt = writer.read("")
    greedy = "".join(writing.drawn(writer, prompt, 20, writing.Chances(temperature=0.0), (0, 0)))
    assert writing.likeliest(writer, prompt, 20, 1) == [greedy]
    wider = text_of(f"--workdir={workdir / 'lstm'}", "--length=20", "--beam=4", "--num_samples=2")
    assert wider.count("\n----\n") == 1


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "lstm", ["lstm", "words", "ngram"]))
def test_what_may_come_next_is_that_of_the_model_on_the_prompt(trained, name):
    writer = writing.writer(trained(name), "latest")
    prompt = writer.read("to be")
    V = len(writer.vocabulary)
    found = writing.next_tokens(writer, prompt, V)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    # V float32 numbers that add up to 1.
    assert sum(p for _, p in found) == pytest.approx(1, abs=1e-5)
    model = nnx.merge(writer.model, jax.tree.map(jnp.asarray, writer.params))
    logits = model(Batch(jnp.asarray(prompt[:, None]), None, jnp.ones((len(prompt), 1))), writer.run)[-1, 0]
    expected = dict(zip(writer.vocabulary.tokens, jax.nn.softmax(logits).tolist(), strict=True))
    # The same float32 sums, compiled differently.
    assert dict(found) == pytest.approx(expected, rel=1e-4, abs=1e-7)
    shown = text_of(f"--workdir={trained(name)}", "--prompt=to be", "--next=3").splitlines()
    assert shown == [f"{p:8.4f}  {token!r}" for token, p in found[:3]]


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_it_stops_where_a_text_has_been_written_in_whatever_pieces(cut):
    text = "ROMEO:\nJuliet, I am here.\n\nJULIET:\nWho?"
    pieces = [text[n : n + cut] for n in range(0, len(text), cut)]
    assert "".join(writing.until(iter(pieces), "\n\n", "> ")) == "> ROMEO:\nJuliet, I am here.\n\n"
    assert "".join(writing.until(iter(pieces), "MERCUTIO", "")) == text


def test_what_reads_it_may_be_of_another_encoding_or_go_away(workdir):
    given = (f"--workdir={workdir / 'lstm'}", "--prompt=the qu\u00e9stion", "--length=2000")
    assert text_of(*given, PYTHONIOENCODING="ascii").startswith("the qu?stion")
    with subprocess.Popen(**command("generate", *given), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(3) == b"the"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prompt=be \u00df",), r"--prompt: 'ß' (U+00DF), character 4 of the text, is none of the 17 characters"),
        (("--checkpoint=7",), "has no checkpoint 7; steps that are kept: 10, 20."),
        (("--top_k=3000000000",), "flag --top_k=3000000000"),
        (("--next=3", "--temperature=0.5"), "--next draws nothing: --temperature does not go with it."),
        (("--next=3", "--beam=2"), "--next writes nothing: --beam does not go with it."),
        (("--source=be",), "goes on from a text: give --prompt in place of a source."),
        (("--next=3", "--length=9"), "--next writes nothing: --length does not go with it."),
    ],
)
def test_mistakes_are_one_line(workdir, arguments, message):
    done = run("generate", f"--workdir={workdir / 'lstm'}", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_unknown_characters_may_be_left_out(workdir):
    given = (f"--workdir={workdir / 'lstm'}", "--length=30", "--temperature=0")
    known, with_unknown = (text_of(*given, f"--prompt={text}", "--unknown=skip") for text in ("be", "b\u00dfe"))
    assert with_unknown == known.replace("be", "b\u00dfe", 1)


def test_a_directory_without_a_writer_is_told(workdir, tmp_path):
    for directory, why in ((tmp_path, "holds no trial"), (workdir, "holds no trial")):
        with pytest.raises(ConfigError, match=why):
            writing.writer(directory, "latest")
    shutil.copytree(workdir / "lstm", tmp_path / "mute")
    (tmp_path / "mute" / "vocabulary.json").unlink()
    with pytest.raises(ConfigError, match=r"has no vocabulary.json: its task is one of neither texts nor music"):
        writing.writer(tmp_path / "mute", "latest")


def test_samples_show_what_it_wrote_while_it_learnt(workdir):
    samples = workdir / "lstm" / "samples"
    assert sorted(path.name for path in samples.iterdir()) == ["0.txt", "10.txt", "20.txt"]
    board = EventAccumulator(str(workdir / "lstm"))
    board.Reload()
    shown = board.Tensors("samples/text_summary")
    assert [event.step for event in shown] == [0, 10, 20]
    for event in shown:
        text = event.tensor_proto.string_val[0].decode()
        written = (samples / f"{event.step}.txt").read_text()
        assert len(written) == 256
        assert text == "\n".join(f"    {line}" for line in written.splitlines())
