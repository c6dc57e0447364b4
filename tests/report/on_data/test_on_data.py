"""The gradient painted on the data."""

import re

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba

from rnnx import examples
from rnnx.keyboard import Keyboard
from rnnx.report import on_data
from rnnx.report.figures import _style
from rnnx.report.on_data import _cells
from rnnx.report.pages.svg import drawing
from rnnx.types import Batch, Example

inf, nan = np.inf, np.nan
WHITE, BLACK = to_rgba("white"), to_rgba("black")
T = 8

SEQUENCE = examples.sequence(Batch(np.zeros((T, 1, 1)), None, np.ones((T, 1))), (1, 5), "two numbers")
TEXT = examples.text([*"to be or"], "n", marks=(3,), marked="a letter")
TREE = examples.tree(["a", "b", "", "c", ""], np.array([[-1, -1], [-1, -1], [0, 1], [-1, -1], [2, 3]]))
SERIES = examples.series(
    np.stack([np.sin(np.arange(T)), np.arange(T) ** 2.0], axis=1), ["wind", "sun"], np.array([0.5]), "3 hours on"
)
SOUND = examples.sound(np.array([-9.0, -3.0, -2.0, -2.0, -4.0, -2.5, -6.0, -8.0]), "seven")
PIXELS = np.random.default_rng(0).uniform(size=(6, 4, 3))
IMAGE = examples.image(PIXELS, ["a", "small", "red", "circle", "on", "top", "end"])
ROLL = np.zeros((T, 88), bool)
ROLL[:, 40], ROLL[2:5, 47], ROLL[7, 52] = True, True, True
CHORALE = examples.piano_roll(Keyboard(), ROLL)
DIGIT = examples.pixels(PIXELS[:4, :, 0], np.arange(16).reshape(4, 4), "7")
# One character a word, as each has a tint of its own.
EXAMPLES = {
    "image": IMAGE._replace(data=IMAGE.data | {"pieces": [*"→to see"]}),
    "piano_roll": CHORALE,
    "pixels": DIGIT,
    "sequence": SEQUENCE,
    "series": SERIES,
    "sound": SOUND,
    "text": TEXT,
    "tree": TREE,
}


def falling(rho, steps=T):
    """What an identity network has whose recurrent matrix is ρ times an orthogonal one, relative to the last step."""
    return np.log10(rho) * np.arange(steps - 1, -1, -1.0)


def test_on_a_page_the_scale_has_its_numbers():
    """What the frames mean stands beside them, and is taken off the figure."""
    figure = on_data.paint(SEQUENCE, {"rnn": falling(0.5)}, "a title")
    _style.png(figure)
    height = 72 * figure.get_figheight()
    numbers = [
        height - 72 / figure.dpi * label.get_window_extent().y0 for label in row(figure, "scale").get_xticklabels()
    ]
    _, top, _, high = map(float, re.search(r'viewBox="([^"]*)"', drawing(figure, "a").svg)[1].split())
    assert max(numbers) < top + high <= height


def test_on_a_page_the_legend_has_the_frame_and_the_hatching():
    figure = on_data.paint(SEQUENCE, {"rnn": [-inf, *falling(0.5)[1:]]}, "a title")
    _style.png(figure)
    swatches = {entry.label: entry.swatch for entry in drawing(figure, "a").legend}
    assert 'stroke="#000000"' in swatches["the scored step"]
    assert "stroke-dasharray" in swatches["the scored step"]
    assert "stroke-dasharray" not in swatches["two numbers"]
    assert '<path d="M3 7L9 1' in swatches["exactly zero"]


def test_on_a_page_a_note_has_no_square_beside_it():
    steps = sum(TREE.steps.values())
    told = TREE._replace(data=TREE.data | {"classes": [0] * steps, "signs": ["−", "+"]})
    figure = on_data.paint(told, {"rntn": falling(0.5, steps)}, "a title")
    _style.png(figure)
    swatches = {entry.label: entry.swatch for entry in drawing(figure, "a").legend}
    assert swatches["−, +: in a node predicted, beside it true"] == ""


def row(figure, name):
    (axes,) = [axes for axes in figure.axes if axes.get_label() == name]
    return axes


def painted(axes):
    """Boxes (left, top, right, bottom) and colours of the tinted cells of a row, in order."""
    (cells,) = (of for of in axes.collections if isinstance(of, PolyCollection))
    corners = np.array([path.vertices[:4] for path in cells.get_paths()])
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=-1)
    return boxes, cells.get_facecolors()


def frames(axes, dashed):
    """Boxes of the frames, or of what is scored."""
    patches = [patch for patch in axes.patches if not patch.get_hatch() and patch.get_edgecolor() == BLACK]
    return [
        (*patch.get_xy(), *np.add(patch.get_xy(), (patch.get_width(), patch.get_height())))
        for patch in patches
        if (patch.get_linestyle() != "solid") == dashed
    ]


def said(figure):
    (legend,) = figure.legends
    return [entry.get_text() for entry in legend.get_texts()]


@pytest.mark.parametrize("kind", on_data.kinds())
def test_every_kind_has_a_row_for_each_network_with_its_name_before_it(kind):
    example = EXAMPLES[kind]
    steps = sum(example.steps.values())
    figure = on_data.paint(example, {"rnn": falling(0.5, steps), "gru": np.zeros(steps)}, "adding: a title")
    assert [axes.get_label() for axes in figure.axes] == ["rnn", "gru", "scale"]
    assert [text.get_text() for text in figure.texts if text.get_text() in ("rnn", "gru")] == ["rnn", "gru"]
    for text in figure.texts:
        if text.get_text() in ("rnn", "gru"):
            left = row(figure, text.get_text()).get_position().x0
            assert text.get_position()[0] < left
    assert figure.get_suptitle() == "adding: a title"
    scale = row(figure, "scale")
    assert [tick.get_text() for tick in scale.get_xticklabels()] == ["1/10 000", "1/1000", "1/100", "1/10", "all"]
    assert any("over that at the scored step" in text.get_text() for text in figure.texts)
    assert _style.png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", on_data.kinds())
@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_the_tint_of_a_step_is_the_power_of_rho(kind, rho):
    """log10 ρ^k on a scale from 1/10 000 to all of it."""
    example = EXAMPLES[kind]
    steps = sum(example.steps.values())
    _, colors = painted(row(on_data.paint(example, {"a": falling(rho, steps)}), "a"))
    expected = _cells.SHADES(1 + falling(rho, steps) / 4)
    np.testing.assert_array_equal(colors, expected)


@pytest.mark.parametrize("kind", on_data.kinds())
def test_what_is_nothing_exactly_zero_growing_or_not_a_number_is_told_apart(kind):
    example = EXAMPLES[kind]
    steps = sum(example.steps.values())
    values = np.zeros(steps)
    values[:4] = -4.5, -inf, 0.5, nan
    figure = on_data.paint(example, {"a": values})
    axes = row(figure, "a")
    boxes, colors = painted(axes)
    assert tuple(colors[0]) == tuple(colors[1]) == tuple(colors[3]) == WHITE
    assert tuple(colors[2]) == BLACK
    hatched = {patch.get_hatch(): patch.get_xy() for patch in axes.patches if patch.get_hatch()}
    assert hatched.keys() == {_cells.ZERO, _cells.MORE, _cells.NOTHING}
    for hatch, step in ((_cells.ZERO, 1), (_cells.MORE, 2), (_cells.NOTHING, 3)):
        np.testing.assert_allclose(hatched[hatch], boxes[step, :2])
    assert {"exactly zero", "more than e times as much", "not a number"} < set(said(figure))
    assert not {"exactly zero", "more than e times as much", "not a number"} & set(
        said(on_data.paint(example, {"a": np.full(steps, -0.1)}))
    )


def test_the_marks_are_framed_and_the_scored_step_is_boxed():
    axes = row(on_data.paint(SEQUENCE, {"a": falling(0.9)}), "a")
    boxes, _ = painted(axes)
    np.testing.assert_allclose(frames(axes, dashed=False), boxes[[1, 5]])
    ((left, top, right, bottom),) = frames(axes, dashed=True)
    inside = boxes[SEQUENCE.scored]
    assert (left < inside[0], top < inside[1], right > inside[2], bottom > inside[3]) == (True,) * 4
    assert right - left < 1.5 * (inside[2] - inside[0])  # that step alone
    assert said(on_data.paint(SEQUENCE, {"a": falling(0.9)})) == ["the scored step", "two numbers"]


@pytest.mark.parametrize(
    ("example", "boxed"),
    [(TEXT, "what is predicted"), (DIGIT, "the scored step"), (SOUND, "the scored step")],
    ids=["text", "pixels", "sound"],
)
def test_what_is_predicted_is_boxed_where_it_is_drawn_at_its_place(example, boxed):
    """Of an image or a sound it stands beside them, and the last step that is read is boxed."""
    assert said(on_data.paint(example, {"a": np.zeros(example.steps[""])}))[0] == boxed


def test_a_text_is_read_in_its_order_and_what_comes_next_is_boxed_after_it():
    axes = row(on_data.paint(TEXT, {"a": falling(0.9)}), "a")
    letters = sorted(axes.texts, key=lambda text: text.get_position()[0])
    assert "".join(text.get_text() for text in letters) == "tobeorn"
    boxes, _ = painted(axes)
    ((left, _, right, _),) = frames(axes, dashed=True)
    assert left < letters[-1].get_position()[0] < right
    assert left > boxes[-1, 0]
    ((left, _, right, _),) = frames(axes, dashed=False)
    assert left < letters[2].get_position()[0] < right  # step 3, the b after a space


def test_letters_are_readable_on_their_tint():
    axes = row(on_data.paint(TEXT, {"a": np.linspace(-4, 0, T)}), "a")
    colors = [text.get_color() for text in sorted(axes.texts, key=lambda text: text.get_position()[0])][:-1]
    assert colors[0] == "black"
    assert colors[-1] == "white"


def test_words_are_tinted_as_a_whole():
    example = examples.text(["to", " be", ","], " or")
    boxes, colors = painted(row(on_data.paint(example, {"a": [-2.0, -1.0, 0.0]}), "a"))
    assert len(boxes) == len("to be,")
    shades = _cells.SHADES(np.array([0.5, 0.5, 0.75, 0.75, 0.75, 1.0]))
    np.testing.assert_array_equal(colors, shades)


def test_of_a_long_text_the_end_is_shown_in_rows():
    example = examples.text([*"abcdefghij" * 200], "k")
    axes = row(on_data.paint(example, {"a": np.zeros(2000)}), "a")
    boxes, _ = painted(axes)
    assert len({round(top, 3) for top in boxes[:, 1]}) == 6
    letters = sorted(axes.texts, key=lambda text: (text.get_position()[1], text.get_position()[0]))
    assert [letters[0].get_text(), letters[-1].get_text()] == ["…", "k"]
    assert 200 < len(letters) < 2000


def test_a_tree_stands_on_its_leaves_and_every_parent_between_its_children():
    axes = row(on_data.paint(TREE, {"a": np.zeros(5)}), "a")
    boxes, _ = painted(axes)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    assert x[0] < x[1] < x[3]
    assert y[0] == y[1] == y[3]
    assert (x[2], x[4]) == pytest.approx(((x[0] + x[1]) / 2, (x[2] + x[3]) / 2))
    assert y[4] < y[2] < y[0]  # the root at the top
    assert [text.get_text() for text in axes.texts] == ["a", "b", "", "c", ""]
    assert [text.get_position()[0] for text in axes.texts] == pytest.approx(x)


def test_a_picture_stands_before_its_words_as_it_is():
    figure = on_data.paint(IMAGE, {"a": np.zeros(7)})
    axes = row(figure, "a")
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), np.rint(255 * PIXELS))
    left, right, bottom, top = image.get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(4 / 6)  # as wide for its height as it is
    letters = sorted(axes.texts, key=lambda text: text.get_position()[0])
    assert "".join(text.get_text() for text in letters) == "→asmallredcircleontopend"
    assert all(text.get_position()[0] > right for text in letters)
    assert axes.get_xlim()[1] > letters[-1].get_position()[0]


@pytest.mark.parametrize(
    ("at", "box"),
    [
        (np.arange(16)[::-1].reshape(4, 4), [(0, 0)]),  # backwards: the last step is the first pixel
        (np.repeat(np.arange(4), 4).reshape(4, 4), [(3, n) for n in range(4)]),  # a row a step
        # In two places: a box for each pixel.
        (np.array([[0, 1], [1, 0]]).repeat(2, axis=0).repeat(2, axis=1), None),
    ],
    ids=["backwards", "rows", "apart"],
)
def test_each_pixel_has_the_tint_of_the_step_at_which_it_is_read(at, box):
    example = examples.pixels(PIXELS[:4, :, 0], at, "7")
    steps = example.steps[""]
    axes = row(on_data.paint(example, {"a": falling(0.5, steps)}), "a")
    boxes, colors = painted(axes)
    np.testing.assert_array_equal(colors, _cells.SHADES(1 + falling(0.5, steps) / 4)[at.ravel()])
    assert (np.diff(boxes[:, 0].reshape(4, 4), axis=1) > 0).all(), "from the left"
    assert (np.diff(boxes[:, 1].reshape(4, 4), axis=0) > 0).all(), "and from the top"
    (shown,) = axes.images
    np.testing.assert_array_equal(shown.get_array(), np.rint(255 * PIXELS[:4, :, 0]))
    scored = frames(axes, dashed=True)
    if box is None:
        expected = boxes[at.ravel() == 1] + [-0.02, -0.02, 0.02, 0.02]
    else:
        of_box = boxes.reshape(4, 4, 4)[tuple(np.transpose(box))]
        expected = [[*of_box[:, :2].min(axis=0) - 0.02, *of_box[:, 2:].max(axis=0) + 0.02]]
    np.testing.assert_allclose(scored, expected)


def test_music_has_the_keys_that_sound_in_each_frame_the_lowest_at_the_bottom():
    axes = row(on_data.paint(CHORALE, {"a": np.zeros(T)}), "a")
    boxes, _ = painted(axes)
    (notes,) = (of for of in axes.collections if isinstance(of, LineCollection))
    found = {}
    for (left, y), (right, same) in notes.get_segments():
        assert y == same
        (frame,) = np.flatnonzero(np.isclose(boxes[:, 0], left) & np.isclose(boxes[:, 2], right))
        assert boxes[0, 1] < y < boxes[0, 3]
        found.setdefault(round(y, 6), []).append(int(frame))
    # From the top: 52, 47, 40.
    assert [sorted(frames) for _, frames in sorted(found.items())] == [[7], [2, 3, 4], list(range(T))]
    names = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert names == {"C4": pytest.approx(_height(found, 39)), "C5": pytest.approx(_height(found, 51))}


def _height(found, key):
    """Where a key lies, by where 40 and 52 do."""
    highest, _, lowest = sorted(found)
    return lowest + (highest - lowest) * (key - 40) / 12


def test_an_image_of_one_value_has_no_outline_and_another_one_has():
    blank = examples.pixels(np.ones((4, 4)), np.arange(16).reshape(4, 4), "7")
    for example, outlined in ((blank, False), (DIGIT, True)):
        axes = row(on_data.paint(example, {"a": np.zeros(16)}), "a")
        assert bool(axes.lines) == outlined
        assert "7" in [text.get_text() for text in axes.texts]


def test_a_place_that_is_not_looked_at_is_dark():
    """Weights of 3 × 2 places over a picture of 6 × 4 pixels, relative to the largest."""
    axes = figure_axes()
    on_data.picture_of(IMAGE)(axes, IMAGE, np.array([0.0, 0.4, 0.1, 0.1, 0.2, 0.2]))
    shown, veil = axes.images
    np.testing.assert_array_equal(shown.get_array(), np.rint(255 * PIXELS))
    dark = np.asarray(veil.get_array())[..., 3]
    np.testing.assert_allclose(dark / 0.75, [[1, 0], [0.75, 0.75], [0.5, 0.5]])
    on_data.picture_of(IMAGE)(axes := figure_axes(), IMAGE)
    assert len(axes.images) == 1
    assert on_data.picture_of(TEXT) is None


def figure_axes():
    return _style.figure(2, 2).subplots()


def test_a_node_tells_the_class_that_is_predicted_and_beside_it_the_true_one():
    """In a node, by the network of that row; beside it, bold where the two differ; nothing where none is told."""
    children = np.array([[-1, -1], [-1, -1], [0, 1], [-1, -1], [2, 3]])
    example = examples.tree(["a", "b", "", "c", ""], children, np.array([0, 1, 2, -1, 2]), ("−", "0", "+"))
    rows = {"right": np.zeros(5), "wrong": np.full(5, -9.0), "silent": np.zeros(5)}
    figure = on_data.paint(example, rows, predicted={"right": [0, 1, 2, 0, 2], "wrong": [0, 1, 0, 0, 2]})
    for name, told in (("right", "−0+−+"), ("wrong", "−0−−+"), ("silent", "")):
        boxes, _ = painted(row(figure, name))
        signs = [text for text in row(figure, name).texts if text.get_text() in ("−", "0", "+")]
        within = [
            text
            for left, top, right, bottom in boxes
            for text in signs
            if left < text.get_position()[0] < right and top < text.get_position()[1] < bottom
        ]
        assert "".join(text.get_text() for text in within) == told
        beside = [text for text in signs if text not in within]
        assert [text.get_text() for text in beside] == ["−", "0", "+", "+"]
        bold = [n for n, text in enumerate(beside) if text.get_fontweight() == "bold"]
        assert bold == ([2] if name == "wrong" else [])
        assert {text.get_color() for text in within} <= {"white" if name == "right" else "black"}
    assert any(label.endswith("in a node predicted, beside it true") for label in said(figure))


def test_sequences_of_thousands_of_steps_and_deep_trees_are_painted():
    steps = 3000
    sequence = SEQUENCE._replace(steps={"": steps}, scored=steps - 1, marks=[2, 1500])
    depth = 300
    children = [[-1, -1]] + [pair for n in range(depth) for pair in ([-1, -1], [2 * n, 2 * n + 1])]
    deep = examples.tree(["x" if pair == [-1, -1] else "" for pair in children], np.array(children))
    for example in (sequence, deep):
        figure = on_data.paint(example, {"a": np.zeros(sum(example.steps.values()))})
        assert _style.png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(("norms", "scored", "expected"), [
    ([-5.0, -4.0, -3.0], 2, [-2, -1, 0]),
    ([-5.0, -4.0, -inf], 2, [-1, 0, -inf]),  # as of a part of the state that is not read
    ([-inf, -inf, -inf], 2, [-inf, -inf, -inf]),
        ([inf, inf, -3.0], 1, [nan, nan, nan]),  # of a network that has diverged
    ([-3.0, nan, -3.0], 2, [0, nan, 0]),
])  # fmt: skip
def test_a_gradient_is_seen_against_that_at_the_scored_step(norms, scored, expected):
    np.testing.assert_array_equal(on_data.relative(norms, scored), expected)


def test_names_stay_text():
    name = "rnn $x_{$ (a_b)"
    figure = on_data.paint(SEQUENCE, {name: falling(0.9)}, f"{name}: a title")
    assert name in [text.get_text() for text in figure.texts]
    assert _style.png(figure).startswith(b"\x89PNG")


KIND = """
import numpy as np

from rnnx.report.on_data import _cells


def size(example, width):
    return 2.0, 1.0


def draw(axes, example, tints):
    _cells.fill(axes, np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]), *tints)
"""


def test_a_new_kind_of_data_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "halves.py").write_text(KIND)
    monkeypatch.setattr(on_data, "__path__", [*on_data.__path__, str(tmp_path)])
    assert "halves" in on_data.kinds()
    _, colors = painted(row(on_data.paint(Example("halves", {"": 2}, 1, [], {}), {"a": [-2.0, 0.0]}), "a"))
    np.testing.assert_array_equal(colors, _cells.SHADES(np.array([0.5, 1.0])))


def test_what_does_not_fit_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^the gradient of 'rnn' must be of the 8 steps of the example, not of 3\.$"):
        on_data.paint(SEQUENCE, {"rnn": [0.0, 0.0, 0.0]})
    with pytest.raises(ValueError, match=r"^no on data named 'texts'; did you mean 'text'\?"):
        on_data.paint(Example("texts", {"": 1}, 0, [], {}), {"rnn": [0.0]})


def test_shades_are_told_apart_in_grey_and_are_the_colour_of_no_cell():
    light = (_cells.SHADES(np.linspace(0, 1, 50))[:, :3] @ [0.2126, 0.7152, 0.0722]).tolist()
    assert light == sorted(light, reverse=True)
    assert light[0] == 1
    full = _cells.SHADES(1.0)[:3]
    assert min(np.abs(np.subtract(full, to_rgba(color)[:3])).max() for color in _style.CELL_COLORS.values()) > 0.1
