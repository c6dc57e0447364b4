"""Names of anyone's own pieces, `package.module:factory`: what they refer to, and every mistake in one line."""

import importlib
import sys

import pytest

import rnnx
from rnnx import references

MODULE = """
SIZE = 3


def tricky(hidden_size, *, sharpness=1.0):
    raise RuntimeError("two\\nlines")


class Twice:
    pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own, at the end of the path as that of a study is."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)
    (tmp_path / "own_cells.py").write_text(MODULE)
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").write_text("")
    (tmp_path / "own_package" / "cells.py").write_text(MODULE)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    "package", [rnnx.cells, rnnx.tasks, rnnx.models, rnnx.diagnostics, rnnx.readings, rnnx.combinators]
)
@pytest.mark.parametrize("name", ["own_cells:tricky", "own_package.cells:Twice"])
def test_what_a_reference_refers_to_is_got_wherever_a_name_is_taken(folder, package, name):
    found = package.get(name)
    assert f"{found.__module__}:{found.__name__}" == name


def test_the_source_is_the_file_as_it_was_imported(folder):
    before = references.source("own_package.cells:tricky")
    file = folder / "own_package" / "cells.py"
    assert before.file == str(file)
    file.write_text("changed")
    assert references.source("own_package.cells:tricky") == before
    for name in ("own_package", "own_package.cells"):
        del sys.modules[name]
    file.write_text(MODULE + "\n")
    assert references.source("own_package.cells:tricky").sha256 != before.sha256


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_cels:tricky", r"no module named 'own_cels'; did you mean 'own_cells'\? Known: .*own_cells.*"),
        ("own_package.sells:tricky", r"no module named 'own_package\.sells'.* Known: .*"),
        ("own_cells.deeper:tricky", r"no module named 'own_cells\.deeper'.* Known: .*"),
        (
            "own_cells:trickie",
            r"no object in own_cells named 'trickie'; .* 'tricky'\? Known: Twice, tricky\.",
        ),
        ("own_cells:SIZE", r"own_cells:SIZE is not a function or class, but 3\."),
        (":tricky", r"':tricky' is not of the form package\.module:name\."),
        ("own_cells:", r"'own_cells:' is not of the form package\.module:name\."),
        ("own_cells.py:tricky:x", r"'own_cells.py:tricky:x' is not of the form package\.module:name\."),
        ("../own_cells:tricky", r"'\.\./own_cells:tricky' is not of the form package\.module:name\."),
    ],
)
def test_what_there_is_not_is_told_with_the_nearest(folder, name, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        rnnx.cells.get(name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\ndef tricky(:\n", r"{}:2: SyntaxError: invalid syntax"),
        ("\n\nimport torchh\n", r"{}:3: ModuleNotFoundError: No module named 'torchh'"),
        ("def f():\n    return nothing\nf()\n", r"{}:2: NameError: name 'nothing' is not defined"),
        ("import sys\nsys.exit('no')\n", r"{}:2: SystemExit: no"),
        ("from . import neighbour\n", r"{}:1: ImportError: attempted relative import .*; its folder is importable, .*"),
    ],
)
def test_a_module_that_fails_is_told_with_file_and_line(folder, text, reason):
    file = folder / "own_broken.py"
    file.write_text(text)
    reason = reason.replace("{}", str(file))
    with pytest.raises(references.UserCodeError, match=rf"^the module 'own_broken' can't be imported: {reason}$"):
        rnnx.cells.get("own_broken:tricky")


@pytest.mark.parametrize("name", ["statistics", "optax", "sys"])
def test_no_module_of_ones_own_takes_the_place_of_another(folder, name):
    """Of Python, of what is installed, or built in: the file is told, and what was there before is still there."""
    (folder / f"{name}.py").write_text(MODULE)
    before = importlib.import_module(name)
    with pytest.raises(
        ValueError, match=rf"^{folder / name}\.py can't be imported as '{name}', which is .*another name\.$"
    ):
        rnnx.cells.get(f"{name}:tricky")
    assert sys.modules[name] is before


def test_an_error_is_one_line_with_the_place_in_the_module(folder):
    with pytest.raises(RuntimeError) as caught:
        rnnx.cells.get("own_cells:tricky")(3)
    assert references.leads_to("own_cells:tricky", caught.value)
    assert references.told("own_cells:tricky", caught.value) == f"{folder / 'own_cells.py'}:6: RuntimeError: two lines"
    assert not references.leads_to("own_cells:tricky", RuntimeError())
    assert references.told("own_cells:tricky", RuntimeError("no place")) == "RuntimeError: no place"
