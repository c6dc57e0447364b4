"""What a trained model plays, from the directory of its trial alone."""

import functools
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import rnnx
from experiments import build, config
from experiments.analysis import playing, saved, trained
from experiments.config import ConfigError
from experiments.trials import loop, trial
from experiments.trials.trial import Trial
from rnnx.data._piano_rolls import read_piano_rolls
from rnnx.keyboard import Keyboard
from rnnx.training.program import split
from tests.data.test_piano_rolls import mat, rolls
from tests.experiments import study_small
from tests.experiments.commands import run
from tests.test_keyboard import notes

pytestmark = pytest.mark.xdist_group("generate_music")  # its trial is made once


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A trial of music of one's own, and beside it the music."""
    folder = tmp_path_factory.mktemp("music")
    path = folder / "mine.mat"
    path.write_bytes(mat(traindata=rolls(9, 5, 30), validdata=rolls(6, 4), testdata=rolls(7, 12, 3)))
    given = study_small.get_config()
    given.task.name, given.task.path, given.task.length = "polyphony", str(path), 8
    given.steps, given.diagnostics = 20, ()
    made = Trial("lstm", config.parse(given), folder / "lstm")
    loop.run(trial.TrialGroup((made,), 1), lambda news: None)
    assert (made.directory / "DONE.json").exists(), (made.directory / "FAILED.json").read_text()
    return made.directory


def played(directory, *arguments):
    done = run("generate", f"--workdir={directory}", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def roll_of(content):
    made = np.zeros((200, 88), bool)
    for key, begin, end in notes(content):
        made[round(begin) : round(end), key - 21] = True
    return made


def test_it_plays_into_files_without_its_data(directory, tmp_path):
    music = directory.parent / "mine.mat"
    music.rename(tmp_path / "elsewhere")
    try:
        files = played(directory, "--length=20", "--num_samples=2", "--seed=3")
    finally:
        (tmp_path / "elsewhere").rename(music)
    assert files == [str(directory / "played" / f"{n}.{kind}") for n in (0, 1) for kind in ("mid", "png")]
    first, picture, second, _ = (Path(file).read_bytes() for file in files)
    assert first != second
    player = playing.player(directory, "latest")
    expected = playing.played(player, np.zeros((0, 88), bool), 20, 1.0, (3, 0))
    assert expected.any()
    np.testing.assert_array_equal(roll_of(first)[:20], expected)
    assert not roll_of(first)[20:].any()
    assert picture.startswith(b"\x89PNG")
    assert played(directory, "--length=20", "--seed=3", f"--output={tmp_path / 'mine'}")[0].startswith(str(tmp_path))
    assert (tmp_path / "mine" / "0.mid").read_bytes() == first


def test_what_was_played_before_stays(directory, tmp_path):
    given = ("--length=5", f"--output={tmp_path}")
    before = {file: Path(file).read_bytes() for file in played(directory, *given, "--num_samples=2")}
    (tmp_path / "1.mid").unlink()
    (tmp_path / "20260131.jpg").touch()
    assert played(directory, *given, "--seed=1") == [str(tmp_path / "2.mid"), str(tmp_path / "2.png")]
    assert all(Path(file).read_bytes() == content for file, content in before.items() if not file.endswith("1.mid"))


def test_it_goes_on_from_the_beginning_of_a_piece(directory, tmp_path):
    piece = read_piano_rolls(str(directory.parent / "mine.mat")).test[1]
    given = ("--piece=1", "--piece_frames=6", "--length=9", "--temperature=0", "--tempo=60")
    file, picture = played(directory, *given, f"--output={tmp_path}")
    content = (tmp_path / "0.mid").read_bytes()
    assert (file, picture) == (str(tmp_path / "0.mid"), str(tmp_path / "0.png"))
    np.testing.assert_array_equal(roll_of(content)[:6], piece[:6])
    assert (1_000_000).to_bytes(3, "big") in content[:40]
    with Image.open(picture) as image:
        assert image.size[0] > 800
        grey = np.asarray(image.convert("L")) == round(0.65 * 255)
        assert grey.sum() > 2000, "what was given; letters have some dozens of such pixels"
    whole = playing.beginning(directory, 2, 100, playing.player(directory, "latest").vocabulary)
    assert len(whole) == 2, "all that is read of a piece of three frames"


def test_it_does_not_go_on_from_music_that_it_was_not_trained_on(directory, monkeypatch):
    keyboard, path = playing.player(directory, "latest").vocabulary, directory.parent / "mine.mat"
    content = path.read_bytes()
    path.write_bytes(mat(traindata=rolls(9, 5), validdata=rolls(6, 4), testdata=rolls(7, 12)))
    try:
        with pytest.raises(ConfigError, match=r"^[^\n]* was trained on other data: [^\n]*\. Put back what it was\.$"):
            playing.beginning(directory, 1, 6, keyboard)
    finally:
        path.write_bytes(content)
    task = build.task(saved.config_of(directory))._replace(test_batches=None)
    monkeypatch.setattr(build, "task", lambda config: task)
    with pytest.raises(ConfigError, match=r"^--piece=1: the task of .* has no test split"):
        playing.beginning(directory, 1, 6, keyboard)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--piece=3",), "--piece=3: the pieces of the test split are 0 to 2."),
        (("--prompt=be",), "plays, and writes nothing: --prompt does not go with it."),
        (("--top_k=3",), "plays, and writes nothing: --top_k does not go with it."),
        (("--beam=3",), "plays, and writes nothing: --beam does not go with it."),
        (("--piece=0", "--prompt=be"), "--prompt is for models that write, --piece for those that play"),
        (("--piece_frames=4",), "--piece_frames is of a --piece: give that too."),
        (("--unknown=skip",), "plays, and writes nothing: --unknown does not go with it."),
        (("--tempo=0",), "--tempo=0.0: quarter notes a minute, a number from 4 to 1000."),
        (("--tempo=nan",), "--tempo=nan: quarter notes a minute, a number from 4 to 1000."),
        (("--length=100000000",), "--length=100000000: of music at most 65536 frames."),
        (("--tempo=1e9",), "--tempo=1000000000.0: quarter notes a minute, a number from 4 to 1000."),
        (("--source=be",), "plays music: it writes to no source."),
        (("--checkpoint=7",), "has no checkpoint 7; steps that are kept: 10, 20."),
    ],
)
def test_mistakes_are_one_line(directory, arguments, message):
    done = run("generate", f"--workdir={directory}", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_model_that_reads_from_both_ends_can_not_play(directory, monkeypatch):
    keyboard = Keyboard()
    task = rnnx.tasks.get("adding")()._replace(input_size=88, output_size=88, keyboard=keyboard)
    model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(3), task, bidirectional=True)
    graphdef, params = jax.eval_shape(lambda: split(model, jax.random.key(0)))
    monkeypatch.setattr(trained, "read", lambda *_: trained.Trained(graphdef, params, keyboard, rnnx.plain_run))
    with pytest.raises(ConfigError, match=r"^the model of .* does not write: a model that runs in both directions"):
        playing.player(directory, "latest")
