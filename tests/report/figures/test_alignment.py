"""The picture of an alignment: what is named where, of the record that a trial leaves."""

import numpy as np
import pytest

from rnnx.report.figures import _style, pictures
from rnnx.types import Example


def record():
    """Two labels, heard at 0.1 and 0.3 s, and a third that is not said."""
    chances = np.zeros((40, 4))
    chances[10, 1], chances[30, 2], chances[20, 3] = 0.9, 0.8, 0.3
    chances[:, 0] = 1 - chances.sum(axis=1)
    share = np.zeros((40, 4))
    share[10, 1], share[31, 2] = 1, 0.05  # below what else is drawn for its chance
    gradient = np.zeros(40)
    gradient[8:11] = 1, 2, 4
    data = {"spectrogram": np.zeros((40, 5)).tolist(), "seconds": 0.01, "symbols": ["", "7", "4", "9"], "target": "7 4"}
    return {
        "step": 5,
        "alignment/chances": chances.tolist(),
        "alignment/of_labels": share.tolist(),
        "alignment/label": 2,
        "alignment/input_gradient": gradient.tolist(),
        "example": Example("sound", {"": 40}, 39, [], data),
    }


def test_labels_are_named_where_they_are_heard():
    (picture,) = pictures("alignment", record(), "a GRU")
    assert picture.tag == "alignment/figure"
    heard, said, gradient = picture.figure.axes
    places = {text.get_text(): round(float(text.get_position()[0]), 3) for text in heard.texts}
    assert places == {"7": 0.105, "9": 0.205, "4": 0.305}  # seconds, at the middle of a frame
    assert [text.get_text() for text in said.texts] == [text.get_text() for text in heard.texts]
    assert gradient.get_ylabel().endswith("of “4”")
    assert gradient.get_xlabel() == "time (s)"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_drawn_without_a_warning(bad):
    """Of a network that has diverged."""
    spoiled = record()
    for tag in ("chances", "of_labels", "input_gradient"):
        spoiled[f"alignment/{tag}"] = np.full_like(spoiled[f"alignment/{tag}"], bad).tolist()
    (picture,) = pictures("alignment", spoiled, "a GRU")
    assert _style.png(picture.figure).startswith(b"\x89PNG")


def test_nothing_is_drawn_of_what_has_no_spectrogram():
    other = record()
    other["example"].data.pop("spectrogram")
    assert list(pictures("alignment", other, "a GRU")) == []
    assert list(pictures("alignment", {"step": 5}, "a GRU")) == []
