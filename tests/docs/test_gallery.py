"""The gallery shows every diagnostic, with its question."""

import re
from pathlib import Path

import pytest

import rnnx

PAGE = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


def test_every_diagnostic_has_a_section_and_there_is_no_other():
    assert SECTIONS.keys() == set(rnnx.diagnostics.names())


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_a_section_has_a_question_an_answer_and_its_own_picture(name):
    question, answer = re.match(r"\n\*\*(.+?)\*\* (.+?)\n\n", SECTIONS[name], flags=re.DOTALL).groups()
    assert question.endswith("?")
    assert answer.endswith(".")
    assert re.findall(r"<!-- picture: (\w+) -->", SECTIONS[name]) == [name]


@pytest.fixture(scope="module")
def gallery():
    pytest.importorskip("mkdocs", reason="scripts/docs installs what the site is built with")
    from scripts.site import gallery

    return gallery


def test_two_pictures_get_the_same_axes(gallery):
    records = [{"step": 0, "lyapunov/spectrum": spectrum} for spectrum in ([-0.1, -0.2, -0.3, -0.4], [-3.0, -5.0])]
    one, other = (gallery.draw("lyapunov", record, "") for record in records)
    gallery.with_same_axes(one, other)
    (here,), (there,) = one.axes, other.axes
    assert here.get_xlim() == there.get_xlim()
    assert here.get_ylim() == there.get_ylim()
    low, high = here.get_ylim()
    assert low < -5 < -0.1 < high


@pytest.mark.slow
def test_the_pictures_show_what_the_page_says(gallery):
    of = gallery.records(gallery.PLAIN, ["state_gradient", "truncation_bias", "recurrent_matrix"])
    reach = {name: record["state_gradient/state/reach"] for name, record in of.items()}
    assert reach == {"healthy": pytest.approx(51, abs=3), "vanishing": pytest.approx(11, abs=1)}  # of 59 steps
    radius = {name: record["recurrent_matrix/0/spectral_radius"] for name, record in of.items()}
    assert radius == {"healthy": pytest.approx(1.05, rel=1e-4), "vanishing": pytest.approx(0.7, rel=1e-4)}  # float32
    smallest = {name: record["truncation_bias/smallest_k"] for name, record in of.items()}
    assert smallest["vanishing"] < 10 < smallest["healthy"]
