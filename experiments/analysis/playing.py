"""What the model of a trial of music plays, frame by frame."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments import build
from experiments.analysis import saved, titles, trained
from experiments.analysis.trained import Trained
from experiments.errors import ConfigError
from experiments.trials.trial import Trial
from rnnx import decoding, show
from rnnx.keyboard import Keyboard
from rnnx.logbook import files
from rnnx.report.figures import _style
from rnnx.types import Array, Batch

_KINDS = (".mid", ".png")

Player = Trained[Keyboard]
"""A model that plays, and what its frames stand for."""


def player(directory: Path, checkpoint: str) -> Player:
    """The model of a trial of music, with the parameters of its `latest` or `best` checkpoint or that of a step.

    Raises:
      ConfigError: as from `trained.read`; its model does not play.
    """
    made = trained.read(directory, checkpoint)
    assert isinstance(made.vocabulary, Keyboard)
    try:
        jax.eval_shape(lambda: _sampled(made, np.zeros((1, made.vocabulary.keys)), 1, 1.0, (0, 0)))
    except Exception as error:  # whatever the model says, or fails with, where it can't play
        raise trained.mute(directory, error) from error
    return made


def beginning(directory: Path, piece: int | None, frames: int, keyboard: Keyboard) -> np.ndarray:
    """The first frames of a piece of the test split, `[frames, keys]`, all where it is shorter; none of no piece.

    Raises:
      ConfigError: there is no such piece, or it is of other music than the trial was trained on.
      rnnx.data.DataError: the music can't be had.
    """
    if piece is None:
        return np.zeros((0, keyboard.keys), bool)
    task = build.task(saved.config_of(directory))
    saved.check_data(directory, task)
    if task.test_batches is None:
        raise ConfigError(f"--piece={piece}: the task of {directory} has no test split to take it from.")
    number = -1
    for number, batch in enumerate(task.test_batches(1)):
        if number == piece:
            length = len(batch.inputs) if batch.lengths is None else int(batch.lengths[0])
            return np.asarray(batch.inputs)[: min(frames, length), 0] > 0
    raise ConfigError(f"--piece={piece}: the pieces of the test split are 0 to {number}.")


def played(player: Player, given: np.ndarray, length: int, temperature: float, seed: tuple[int, int]) -> np.ndarray:
    """Frames that are given, `[n, keys]`, and so many that are played after them; of equal seeds the same.

    Where none are given it begins after silence.
    """
    before = given if len(given) else np.zeros((1, player.vocabulary.keys), bool)
    frames = _sampled(player, before, length, temperature, seed)
    return np.concatenate([given, np.asarray(frames)[:, 0]])


def next_number(folder: Path) -> int:
    """The number of the first file that is to be written, after those of all that are there."""
    there = [int(file.stem) for file in folder.glob("*.*") if file.stem.isdecimal() and file.suffix in _KINDS]
    return max(there, default=-1) + 1


def title(directory: Path) -> str:
    """Whose what is played is."""
    (whose,) = titles.titles([Trial(directory.name, saved.config_of(directory), directory)]).values()
    return whose


def save(player: Player, folder: Path, name: str, roll: np.ndarray, given: int, tempo: float, title: str) -> list[Path]:
    """Write what is to be heard and seen, a MIDI file and a picture, in which the first frames are those given."""
    drawn = _style.figure(_style.WIDTH, 4.2)
    show.piano_roll(roll, player.vocabulary, given=given, ax=drawn.subplots())
    drawn.suptitle(title, fontsize=11.5, parse_math=False)
    made = dict(zip(_KINDS, (player.vocabulary.midi(roll, tempo), _style.png(drawn)), strict=True))
    for kind, content in made.items():
        files.write(folder / f"{name}{kind}", content)
    return [folder / f"{name}{kind}" for kind in made]


def _sampled(player: Player, before: np.ndarray, length: int, temperature: float, seed: tuple[int, int]) -> Array:
    batch = Batch(jnp.asarray(before[:, None], jnp.float32), None, jnp.ones((len(before), 1)))
    key = jax.random.fold_in(jax.random.key(np.uint32(seed[0])), seed[1])
    return decoding.sample_frames(
        player.model, player.params, batch, key, length=length, temperature=temperature, run=player.run
    )
