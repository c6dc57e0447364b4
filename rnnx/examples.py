"""Examples as people see them: what a task shows of a batch, in what JSON can hold."""

import base64
import io
from collections.abc import Sequence

import jax
import numpy as np
from PIL import Image

from rnnx.keyboard import Keyboard
from rnnx.types import Batch, Example, Task
from rnnx.vocabulary import Vocabulary


def first(task: Task, batch: Batch) -> Example:
    """The first example of a batch as people see it: by the task's own `example`, or one square a step.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> example = first(adding, adding.sample(jax.random.key(0), 3, 8))
    >>> example.kind, example.steps, example.scored, len(example.marks)
    ('sequence', {'': 8}, 7, 2)
    """
    return task.example(batch) if task.example else sequence(batch)


def visible(piece: str) -> str:
    """A piece of text with a sign in place of what can't be seen.

    >>> visible(" "), visible("a b")
    ('␣', 'a b')
    """
    return {"\n": "↵", "\t": "→", " ": "␣"}.get(piece, piece)


def sequence(batch: Batch, marks: tuple[int, ...] = (), marked: str = "") -> Example:
    """The first example as a row of squares, one a step.

    Args:
      batch: whose weights `[T, B]` say which steps are scored, or `[B]` that it is the example as a whole.
      marks: the steps that are framed.
      marked: what they are, in words.

    >>> import jax.numpy as jnp
    >>> sequence(Batch(jnp.zeros((5, 2, 1)), None, jnp.ones((5, 2)), lengths=jnp.array([3, 5])))
    Example(kind='sequence', steps={'': 3}, scored=2, marks=[], data={'marked': ''})
    """
    weights = np.asarray(batch.weights)
    if batch.lengths is not None:
        steps = int(batch.lengths[0])
    else:
        steps = len(weights) if weights.ndim > 1 else len(jax.tree.leaves(batch.inputs)[0])
    counting = np.flatnonzero(weights[:steps, 0] > 0) if weights.ndim > 1 else np.zeros(0)
    scored = int(counting[-1]) if len(counting) else steps - 1
    return Example("sequence", {"": steps}, scored, [int(step) for step in marks], {"marked": marked})


def text(
    pieces: list[str],
    target: str,
    *,
    steps: dict[str, int] | None = None,
    marks: tuple[int, ...] = (),
    marked: str = "",
) -> Example:
    """An example as a text.

    Args:
      pieces: what is read at each step.
      target: what is to be told after the last.
      steps: as in `Example`, where the pieces are of several sequences.
      marks: the steps that are framed.
      marked: what they are, in words.

    >>> text(["t", "o", " ", "b"], "e").data["target"]
    'e'
    """
    data = {"pieces": pieces, "target": target, "marked": marked}
    return Example("text", steps or {"": len(pieces)}, len(pieces) - 1, [int(step) for step in marks], data)


def translation(source: Sequence[str], target: Sequence[str], marks: tuple[int, ...] = (), marked: str = "") -> Example:
    """An example of sequence to sequence, a character or a piece of text a step: the last of the target is to be told.

    At its first step the decoder is given nothing, which is an arrow here.

    >>> example = translation("abc", "cba")
    >>> "".join(example.data["pieces"]), example.data["target"], example.steps
    ('abc→cb', 'a', {'encoder': 3, 'decoder': 3})
    """
    steps = {"encoder": len(source), "decoder": len(target)}
    return text([*source, "→", *target[:-1]], target[-1], steps=steps, marks=marks, marked=marked)


def next_token(vocabulary: Vocabulary, batch: Batch) -> Example:
    """The first example of a model of language, whose last token is to be predicted.

    >>> vocabulary = Vocabulary("character", ("a", "b"))
    >>> next_token(vocabulary, Batch(np.array([[0], [1]]), np.array([[1], [0]]), np.ones((2, 1)))).data["pieces"]
    ['a', 'b']
    """
    *pieces, target = vocabulary.pieces([*np.asarray(batch.inputs)[:, 0], np.asarray(batch.targets)[-1, 0]])
    return text(pieces, target)


def image(pixels: np.ndarray, words: Sequence[str]) -> Example:
    """A picture with its caption, a word a step: the last of them is to be told.

    Args:
      pixels: `[Y, X, C]`, numbers from 0 to 1.
      words: of the caption, the end among them.

    >>> example = image(np.ones((8, 8, 3)), ["a", "cat", "end"])
    >>> example.data["pieces"], example.data["target"], example.steps
    (['→ ', 'a ', 'cat '], 'end', {'': 3})
    """
    pieces = [f"{word} " for word in ("→", *words[:-1])]
    data = {"png": _png(pixels), "pieces": pieces, "target": words[-1]}
    return Example("image", {"": len(words)}, len(words) - 1, [], data)


def pixels(values: np.ndarray, at: np.ndarray, said: str) -> Example:
    """An image that is read in steps, at the last of which it is told what it is.

    Args:
      values: `[Y, X]`, numbers from 0 to 1.
      at: `[Y, X]`, the step at which each pixel is read.
      said: the label.

    >>> pixels(np.ones((2, 2)), np.array([[0, 1], [2, 3]]), "7").steps
    {'': 4}
    """
    steps = int(np.max(at)) + 1
    data = {"png": _png(values), "at": np.asarray(at).tolist(), "target": said}
    return Example("pixels", {"": steps}, steps - 1, [], data)


def tree(
    words: list[str], children: np.ndarray, classes: np.ndarray | None = None, signs: tuple[str, ...] = ()
) -> Example:
    """An example as a tree, of nodes of which every one stands after its children.

    Args:
      words: of each node, empty where it has none.
      children: `[N, 2]`, -1 for none.
      classes: of each node, whole numbers, where they are told; -1 where they are not.
      signs: what stands for each class, a character or two.

    >>> tree(["rock", "paper", ""], np.array([[-1, -1], [-1, -1], [0, 1]])).scored
    2
    """
    data = {"words": words, "children": np.asarray(children).tolist()}
    if classes is not None:
        data |= {"classes": np.asarray(classes).tolist(), "signs": list(signs)}
    return Example("tree", {"": len(words)}, len(words) - 1, [], data)


def sound(loudness: np.ndarray, said: str) -> Example:
    """An example as a recording, of frames, at the last of which it is told what was said.

    Args:
      loudness: `[T]`, of each frame, on any scale.
      said: the label.

    >>> sound(np.array([-9.0, -2.0, -3.0]), "7").steps
    {'': 3}
    """
    T = len(loudness)
    return Example("sound", {"": T}, T - 1, [], {"loudness": np.round(loudness, 2).tolist(), "target": said})


def series(window: np.ndarray, names: list[str], targets: np.ndarray, ahead: str) -> Example:
    """An example as curves over a window, with the value of each that is to be told after it.

    Args:
      window: `[T, columns]`.
      names: of the columns.
      targets: of the first of them.
      ahead: when these are, in words.

    >>> series(np.array([[1.0], [2.0]]), ["wind"], np.array([3.0]), "next").scored
    1
    """
    T = len(window)
    data = {
        "values": [[float(f"{value:.4g}") for value in column] for column in np.asarray(window).T],
        "names": names,
        "targets": [float(f"{value:.4g}") for value in targets],
        "ahead": ahead,
    }
    return Example("series", {"": T}, T - 1, [], data)


def piano_roll(keyboard: Keyboard, frames: np.ndarray) -> Example:
    """An example as music, after which the next frame is to be told.

    Args:
      keyboard: what the entries of a frame stand for.
      frames: `[T, keys]`, 0 or 1.

    >>> piano_roll(Keyboard(), np.eye(3, 88)).data["sounding"]
    [[0], [1], [2]]
    """
    sounding = [np.flatnonzero(frame).tolist() for frame in np.asarray(frames)]
    data = {"sounding": sounding, "keyboard": keyboard.to_dict()}
    return Example("piano_roll", {"": len(sounding)}, len(sounding) - 1, [], data)


def _png(pixels: np.ndarray) -> str:
    """A picture, `[Y, X]` or `[Y, X, C]`, numbers from 0 to 1, as text."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(255 * np.asarray(pixels)).astype(np.uint8)).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()
