"""The documentation as a site: formulas, pictures, notebooks and links, and the whole of it built."""

import doctest
import html.parser
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="scripts/docs installs what the site is built with")
from matplotlib.figure import Figure

import rnnx
from scripts.site import docstrings, formulas, links, notebook, pictures, reference

ROOT = Path(__file__).parents[2]

PAGE = r"""# %% [markdown]
# # A page
#
# With $a^2$.

# %%
import matplotlib.pyplot as plt

print("said")
1 + 1

# %%
fig, axes = plt.subplots()
axes.set(xlabel="lag k (steps)", ylabel="norm")
axes.plot([1, 2])
"""


@pytest.fixture
def cells(tmp_path):
    (tmp_path / "page.py").write_text(PAGE, encoding="utf-8")
    return notebook.run(tmp_path / "page.py")


def test_a_formula_is_drawn_and_no_other_text():
    page = r'<p>a <span class="arithmatex">\(h_{t-1} &lt; 1\)</span></p><div class="arithmatex">\[x\]</div>'
    drawn = formulas.drawn(page)
    assert drawn.startswith('<p>a <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    assert "<msub><mi>h</mi>" in drawn
    assert 'display="block"' in drawn
    assert "arithmatex" not in drawn


def test_an_unknown_command_in_a_formula_is_a_mistake():
    with pytest.raises(formulas.FormulaError, match="sgima"):
        formulas.mathml(r"\sgima")


def test_a_cell_shows_what_it_prints_its_last_value_and_its_figure(cells):
    prose, first, second = cells
    assert not prose.is_code
    assert first.output.text == "said\n2\n"
    assert second.output.text == ""  # what matplotlib gives back is not shown
    assert [len(cell.output.figures) for cell in cells] == [0, 0, 1]


def test_a_page_has_code_output_and_picture_in_turn(cells):
    page = notebook.page(cells, "page.ipynb")
    parts = ["# A page", "(page.ipynb)", "```python\nimport matplotlib", "```text\nsaid\n2\n```", "<svg "]
    assert [part for part in parts if part not in page] == []
    assert sorted(parts, key=page.index) == parts


def test_a_notebook_holds_the_same_cells(cells):
    read = json.loads(notebook.ipynb(cells, "tutorial/page.md"))
    assert [cell["cell_type"] for cell in read["cells"]] == ["markdown", "code", "code"]
    assert "".join(read["cells"][1]["outputs"][0]["text"]) == "said\n2\n"
    assert notebook.ipynb(cells, "tutorial/page.md") == notebook.ipynb(cells, "tutorial/page.md")


def test_a_cell_that_fails_is_named_with_its_file(tmp_path):
    (tmp_path / "page.py").write_text("# %%\n1 / 0\n", encoding="utf-8")
    with pytest.raises(notebook.CellError, match=r"page\.py: ZeroDivisionError"):
        notebook.run(tmp_path / "page.py")


def test_a_picture_takes_the_colours_of_the_page():
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.plot([0, 1], color="black", label="a line")
    axes.legend()
    made = pictures.svg(figure, "a line that rises")
    assert made.startswith('<svg class="picture" role="img" aria-label="a line that rises"')
    assert "currentColor" in made
    assert "#000000" not in made
    assert "#ffffff" not in made
    assert ">a line</text>" in made  # letters, which can be found and read aloud


def test_links_out_of_the_folder_lead_to_what_the_site_has():
    page = "[a](../rnnx/cells/lstm.py) [b](../CONTRIBUTING.md#tests) `[c](../x.md)` [d](flax.md) [e](https://a.b/c.md)"
    assert links.rewritten(page, "engines.md") == (
        "[a](reference/rnnx.cells.md#rnnx.cells.lstm) [b](repository/CONTRIBUTING.md#tests) `[c](../x.md)` [d](flax.md)"
        " [e](https://a.b/c.md)"
    )
    assert links.rewritten("[a](docs/flax.md)", "repository/CONTRIBUTING.md") == "[a](../flax.md)"
    assert links.rewritten("[a](3_gradients.py)", "tutorial/1_state.md") == "[a](3_gradients.md)"
    assert links.built("[a](3_gradients.py#by-hand)", "tutorial/1_state.md") == "[a](3_gradients.html#by-hand)"


def test_what_is_linked_to_outside_the_folder_is_found():
    found = links.outside({"sweeps.md": "[how](../CONTRIBUTING.md) and [not](flax.md)"})
    assert found["repository/CONTRIBUTING.md"] == ROOT / "CONTRIBUTING.md"
    assert all(path.is_file() for path in found.values())


def test_examples_in_docstrings_are_code():
    assert docstrings.fenced("Add.\n\n>>> 1 + 1\n2\n\nDone.") == "Add.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nDone."
    assert docstrings.fenced("No example: a >>> b.") == "No example: a >>> b."


def test_what_is_returned_is_prose_whatever_it_holds():
    written = "Add.\n\nReturns:\n  `Flow`: a\n  and b.\n\n    more\n\nRaises:\n  ValueError: no."
    expected = "Add.\n\n**Returns:**\n\n`Flow`: a\nand b.\n\n  more\n\nRaises:\n  ValueError: no."
    assert docstrings.returns_as_prose(written) == expected
    assert docstrings.returns_as_prose("Returns: it.") == "Returns: it."


def test_the_reference_has_every_public_module():
    pages = "\n".join(reference.pages().values())
    files = [path for path in (ROOT / "rnnx").rglob("*.py") if not path.name.startswith("_")]
    for path in files:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert any(part.startswith("_") for part in name.split(".")) or f"::: {name}\n" in f"{pages}\n", name
    for name in set(rnnx.__all__) - {"evidence"}:
        assert f"[rnnx.{name}]" in pages


@pytest.mark.parametrize("module", [docstrings, formulas, links, reference], ids=lambda module: module.__name__)
def test_the_examples_of_how_the_site_is_made_are_right(module):
    done = doctest.testmod(module)
    assert done.attempted
    assert not done.failed


class Resources(html.parser.HTMLParser):
    """What a browser fetches by itself when it opens a page, and the formulas that were left as they were written."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag in ("script", "img", "iframe", "source"):
            self.fetched.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.fetched.append(given.get("href") or "")


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_fetches_nothing(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", f"--site-dir={tmp_path / 'site'}"]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    site = tmp_path / "site"
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        text = page.read_text(encoding="utf-8")
        resources = Resources()
        resources.feed(text)
        assert not [one for one in resources.fetched if "//" in one], page
        assert 'class="arithmatex"' not in text, page
    gallery = (site / "gallery.html").read_text(encoding="utf-8")
    assert gallery.count('<svg class="picture"') == 2 * len(rnnx.diagnostics.names())
    assert {path.stem for path in site.glob("tutorial/*.ipynb")} == {
        path.stem for path in ROOT.glob("docs/tutorial/[0-9]*.py")
    }
