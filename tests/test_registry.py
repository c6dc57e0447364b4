import importlib
import re
from pathlib import Path

import pytest

import rnnx
from rnnx import data, engines, registry

PACKAGES = {
    "cell": rnnx.cells,
    "combinator": rnnx.combinators,
    "data": data,
    "diagnostic": rnnx.diagnostics,
    "engine": engines,
    "reading": rnnx.readings,
    "task": rnnx.tasks,
}


@pytest.mark.parametrize("kind", PACKAGES)
def test_every_name_is_found(kind):
    """The object has the name of its module, and private modules are not listed."""
    package = PACKAGES[kind]
    assert list(package.names()) == sorted(package.names())
    assert package.names()
    for name in package.names():
        assert not name.startswith("_")
        found = package.get(name)
        (path,) = Path(package.__file__).parent.rglob(f"{name}.py")  # one only: folders do not tell names apart
        inside = path.relative_to(Path(package.__file__).parent).with_suffix("").parts
        module = importlib.import_module(".".join((package.__name__, *inside)))
        assert found is getattr(module, name)
        if kind != "engine":  # an `Engine` is a named tuple around a function
            assert (found.__name__, found.__module__) == (name, module.__name__)
        assert found.__doc__


@pytest.mark.parametrize("kind", PACKAGES)
def test_an_unknown_name_lists_the_known_ones_in_one_line(kind):
    package = PACKAGES[kind]
    known = ", ".join(package.names())
    with pytest.raises(ValueError, match=rf"^no {kind} named 'zzzz'\. Known: {re.escape(known)}\.$"):
        package.get("zzzz")


@pytest.mark.parametrize(
    ("name", "nearest"), [("lsmt", "lstm"), ("LSTM", "lstm"), ("gruu", "gru"), ("xyz", None), (None, None), (3, None)]
)
def test_the_nearest_name_is_suggested_if_there_is_one(name, nearest):
    hint = rf"; did you mean '{nearest}'\?" if nearest else r"\."
    known = ", ".join(rnnx.cells.names())
    with pytest.raises(ValueError, match=rf"^no cell named {name!r}{hint} Known: {known}\.$"):
        rnnx.cells.get(name)


@pytest.mark.parametrize("name", ["_lag", "__init__", "rnnx.cells.lstm", "../cells/lstm", ""])
def test_only_names_are_found(name):
    with pytest.raises(ValueError, match=r"^no diagnostic named"):
        rnnx.diagnostics.get(name)


def test_a_new_file_is_all_it_takes(tmp_path, monkeypatch):
    """A module beside the others is a cell by its file's name."""
    tmp_path.joinpath("novel.py").write_text("def novel():\n    return 'new'\n")
    monkeypatch.setattr(rnnx.cells, "__path__", [*rnnx.cells.__path__, str(tmp_path)])
    assert "novel" in rnnx.cells.names()
    assert rnnx.cells.get("novel")() == "new"


def test_all_known_names_are_sorted_in_a_message():
    assert "did you mean 'Adding'?" in registry.unknown("task", "adding", ["Adding", "copy"])
    assert registry.unknown("fruit", "aple", ["pear", "apple"]) == (
        "no fruit named 'aple'; did you mean 'apple'? Known: apple, pear."
    )
