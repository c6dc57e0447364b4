import json
import re
from html.parser import HTMLParser

import pytest

from rnnx.report import study, summary
from rnnx.report.pages import page
from rnnx.report.pages.format import digits
from rnnx.report.pages.svg import Drawing
from tests.report.records import write_trial


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def render(workdir):
    found = study.read(workdir)
    drawn = page.draw(found)
    return page.render(found, summary.rows(found), drawn, "runs/one"), drawn


def words(workdir):
    """The text of the page, without taking the time to draw the figures."""
    found = study.read(workdir)
    return Elements(page.render(found, summary.rows(found), [], "runs/one")).text


@pytest.fixture
def workdir(tmp_path):
    for cell in ("rnn", "lstm"):
        for seed in (0, 1):
            where = tmp_path / cell / f"seed{seed}"
            parts = ("h", "c") if cell == "lstm" else ("h",)
            write_trial(where, cell=cell, seed=seed, length=16, loss=0.1 + seed / 10, parts=parts)
    return tmp_path


def test_the_page_needs_no_other_file(workdir):
    html, drawn = render(workdir)
    elements = Elements(html).found
    loaded = [
        value
        for tag, given in elements
        for name, value in given.items()
        if tag not in ("a", "use", "image") and name in ("src", "href", "srcset", "data")
    ]
    assert loaded == []
    assert not [tag for tag, _ in elements if tag in ("link", "iframe", "img")]
    inside = [given.get("href", given.get("xlink:href", "")) for tag, given in elements if tag in ("use", "image")]
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in inside)
    style = re.sub(r"url\(#|<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"url\(|@import", style)
    shown = [given for _, given in elements if given.get("role") == "img"]
    assert len(shown) == sum(bool(figure.drawing) for figure in drawn) + 2  # the first screen, drawn
    assert all(given["aria-label"] for given in shown)
    assert [given["aria-label"] for given in shown if "how far back the gradient reaches." in given["aria-label"]] == [
        "adding: how far back the gradient reaches. Before training, the gradient vanishes before the first step in "
        "every network at T = 16: 1 % of it is left 9 steps back. After 20 steps, the gradient reaches the first step "
        "in every network at T = 16: nothing vanishes."
    ]
    (loss,) = [given["aria-label"] for given in shown if given["aria-label"].startswith("adding: loss.")]
    assert loss == "adding: loss. The task is learned by the LSTM and the RNN at T = 16 (1 of 2 seeds)."
    assert len(html.encode()) < 2.5e6  # it can be sent
    identifiers = [given["id"] for _, given in elements if "id" in given]
    assert len(set(identifiers)) == len(identifiers)
    assert set(re.findall(r'(?:url\(|href=")#([\w-]+)', html)) <= set(identifiers)


def sections(workdir, *kinds):
    """The page with figures that are none, which take no time to draw."""
    found = study.read(workdir)
    drawing = Drawing("a title", "<svg></svg>", (), ())
    drawn = [page.FigureFile(kind, f"{kind}_adding.png", kind, b"0", "adding", drawing) for kind in kinds]
    return Elements(page.render(found, summary.rows(found), drawn, "runs/one"))


def test_every_figure_and_every_trial_has_a_link(workdir):
    kinds = ["state_gradient", "state_gradient_horizon", "lyapunov", "clipping"]
    elements = sections(workdir, *kinds).found
    links = {given["href"] for tag, given in elements if tag == "a"}
    trials = {f"../{cell}/seed{seed}/" for cell in ("rnn", "lstm") for seed in (0, 1)}
    files = {f"figures/{kind}_adding.png" for kind in kinds}
    contents = {f"#{name}" for name in ("reach", "where", "through", "clipped", "numbers", "settings")}
    assert links == files | {"figures/headline.png"} | contents | trials
    assert {link.removeprefix("#") for link in contents} | set(kinds) <= {given.get("id") for _, given in elements}


def test_a_figure_has_its_section_only_where_it_was_drawn(workdir):
    optional = {
        "lyapunov": "Lyapunov spectra",
        "truncation_bias": "What truncation does",
        "trajectories": "Trajectories of the state",
    }
    for kind, title in optional.items():
        told = sections(workdir, kind).text
        assert [other for other in optional.values() if other in told] == [title]


def test_what_would_show_one_value_alone_is_said(workdir):
    found = study.read(workdir)
    said = [page.FigureFile("clipping", "", "", b"", "adding", sentence="No step was clipped in adding.")]
    assert "No step was clipped in adding." in Elements(page.render(found, summary.rows(found), said, "runs")).text


def test_numbers_settings_and_commands_are_on_the_page(workdir):
    told = words(workdir)
    assert "remember two marked numbers among many" in told  # what the task is
    assert "without memory 0.200, mean squared error" in told
    assert "Settings: hidden size 4, recurrent initializer orthogonal, 20 training steps" in told
    assert "0.150" in told  # held-out loss, median of 0.1 and 0.2
    assert "0.100\u2009…\u20090.200" in told
    assert "lstm/seed1" in told
    assert "learning_rate" in told
    assert "--config=configs/adding.py" in told
    assert "2025-01-01T00:00:00+00:00 to 2025-01-01T00:00:01+00:00" in told
    assert "python -m experiments.board runs/one" in told


def test_trials_that_did_not_finish_are_named(workdir):
    assert "Not all trials" not in words(workdir)
    write_trial(workdir / "a", seed=2, status="failed", measured=2, error="Diverged: <not> finite")
    write_trial(workdir / "b", seed=3, status="unfinished", measured=0)
    written = [path.parent.relative_to(workdir).as_posix() for path in workdir.rglob("config.json")]
    (workdir / "study.json").write_text(json.dumps({"trials": {name: {} for name in [*written, "rnn/seed7"]}}))
    told = words(workdir)
    assert "a failed, with records up to step 10: Diverged: <not> finite" in told
    assert "b unfinished, with no records" in told
    assert "rnn/seed7 not started" in told
    assert "1 failed" in told
    assert "1 unfinished" in told
    assert "0 of 2" in told  # seeds with memory


def test_hostile_names_stay_text(tmp_path):
    hostile = '<img src=x onerror=alert(1)>&"'
    settings = {"cell.activation": hostile, "task.corpus": "$x_{$</style><script>alert(2)</script>"}
    write_trial(tmp_path / "<script>alert(3)<" / "script>", settings=settings, status="failed", error=hostile)
    html, drawn = render(tmp_path)
    elements = Elements(html)
    tags = [tag for tag, _ in elements.found]
    assert tags.count("script") == 4  # the page's own
    assert "img" not in tags
    assert not [given for _, given in elements.found if "onerror" in given]
    assert hostile in elements.text
    assert drawn
    links = [given["href"] for tag, given in Elements(html).found if tag == "a"]
    assert "../%3Cscript%3Ealert%283%29%3C/script%3E/" in links


def test_a_study_without_any_measurement_says_so(tmp_path):
    write_trial(tmp_path / "a", measured=0, status="unfinished")
    assert "No measurements yet" in words(tmp_path)


def test_names_of_files_tell_tasks_apart(tmp_path):
    for shift in (-1, 1):
        write_trial(tmp_path / str(shift), task="a/b", settings={"task.shift": shift})
    names = [figure.name for figure in page.draw(study.read(tmp_path))]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w.+-]+\.png", name) for name in names)


@pytest.mark.parametrize(
    ("value", "form", "told"),
    [
        (0.0, "", "0.00"),
        (123456.0, "", "123456"),
        (-0.001, ".2f", "0.00"),
        (-0.5, "g", "−0.5"),
        (float("inf"), "", "inf"),
    ],
)
def test_digits(value, form, told):
    assert digits(value, form) == told


def test_what_a_model_wrote_is_shown_from_the_start_to_the_end(workdir):
    assert "What it wrote" not in words(workdir)
    samples = workdir / "lstm" / "seed0" / "samples"
    samples.mkdir()
    for step in range(0, 900, 100):
        (samples / f"{step}.txt").write_text(f"<speaker {step}>\n  his words")
    text = words(workdir)
    assert re.findall(r"After (\d+) steps?:", text) == ["0", "200", "400", "600", "800"]
    assert "<speaker 400>\n  his words" in text


def test_tasks_and_stages_are_panels_of_their_own(tmp_path):
    for task in ("adding", "copy_memory"):
        write_trial(tmp_path / task, task=task)
    elements = Elements(page.render(found := study.read(tmp_path), summary.rows(found), [], "runs")).found
    inputs = [given["value"] for tag, given in elements if tag == "input"]
    assert inputs == ["adding", "copy_memory", "before", "after"]
    identifiers = [given["id"] for _, given in elements if "id" in given]
    assert len(set(identifiers)) == len(identifiers)  # in what is drawn for print, too
    panels = {given["data-task"] for _, given in elements if "data-task" in given}
    assert panels == {"adding", "copy_memory"}


def test_what_is_the_same_in_all_rows_is_no_column(workdir):
    told = words(workdir)
    assert "Steps clipped: 30% in all." in told
    assert "steps<br>clipped" not in told
    assert "seeds that" in told


def test_a_study_of_language_has_a_title_of_its_own(workdir):
    assert "where does the gradient vanish?" in words(workdir)
    for path in workdir.rglob("config.json"):
        path.write_text(path.read_text().replace("mean squared error", "cross-entropy (nats per word)"))
    assert "who predicts the text best, and how far back does the gradient reach?" in words(workdir)
