"""Music as which keys sound when: a bar a note, in quarter notes, and what was given told apart."""

import matplotlib
import numpy as np
from matplotlib.colors import to_rgba

import rnnx
from rnnx.keyboard import Keyboard
from rnnx.report.figures import _style

matplotlib.use("Agg")


def drawn(roll, keyboard, given=0):
    return rnnx.show.piano_roll(roll, keyboard, given=given, ax=_style.figure(6, 3).subplots())


def bars(axes):
    """{key: [(begin, end, colour)]}."""
    found = {}
    for collection in axes.collections:
        for path, color in zip(collection.get_paths(), np.tile(collection.get_facecolors(), (99, 1)), strict=False):
            (left, bottom), (right, top) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            found.setdefault(round((bottom + top) / 2), []).append((left, right, tuple(color)))
    return {key: sorted(of) for key, of in found.items()}


def test_a_note_is_one_bar_cut_where_the_network_begins():
    roll = np.zeros((8, 88), bool)
    roll[1:6, 40], roll[7, 43] = True, True
    grey, black = to_rgba("0.65"), to_rgba("black")
    axes = drawn(roll, Keyboard(quarters=0.5), given=4)
    assert bars(axes) == {40: [(0.5, 2, grey), (2, 3, black)], 43: [(3.5, 4, black)]}
    assert [line.get_xdata()[0] for line in axes.lines] == [2]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["given", "played by the network"]
    alone = drawn(roll, Keyboard(quarters=0.5))
    assert bars(alone) == {40: [(0.5, 3, black)], 43: [(3.5, 4, black)]}
    assert not alone.lines
    assert alone.get_legend() is None


def test_axes_have_units_and_the_names_of_the_cs():
    roll = np.zeros((4, 88), bool)
    roll[0, 27], roll[1, 51] = True, True
    axes = drawn(roll, Keyboard())
    assert axes.get_xlabel() == "time (quarter notes)"
    assert axes.get_xlim() == (0, 4)
    ticks = dict(zip((label.get_text() for label in axes.get_yticklabels()), axes.get_yticks(), strict=True))
    assert ticks == {"C3": 27, "C4": 39, "C5": 51}
    silence = drawn(np.zeros((4, 88), bool), Keyboard())
    assert not silence.collections, "silence can be drawn"
    assert [label.get_text() for label in silence.get_yticklabels()] == ["C5"], "some key has a name"
