"""The examples in the documentation run, and the files that its commands name are there."""

import doctest
import os
import re
from pathlib import Path

import pytest

from tests.helpers import forked

ROOT = Path(__file__).parents[1]
SESSIONS = ("docs/diagnostics.md", "docs/mistakes.md")  # examples as typed at Python's prompt, one after the other


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


EXAMPLES = [
    pytest.param(example, marks=() if page in ("README.md", "CONTRIBUTING.md") else pytest.mark.slow)
    for page in (
        "README.md",
        "CONTRIBUTING.md",
        *(
            f"docs/{name}.md"
            for name in ("decoding", "devices", "engines", "flax", "index", "layouts", "models", "speech")
        ),
    )
    for example in re.findall(r"```python\n(.*?)```", read(page), flags=re.DOTALL)
]


def test_there_are_examples():
    assert EXAMPLES


# What they compile is much the same: a process of its own for each, and one cache.
RUN = """
import runpy, sys, warnings
import jax
warnings.simplefilter("error")
jax.config.update("jax_compilation_cache_dir", sys.argv[2])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A directory for what the examples compile."""
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.xdist_group("examples")
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs_by_itself_in_an_empty_directory(tmp_path, compiled, example):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    (tmp_path / "run.py").write_text(RUN, encoding="utf-8")
    arguments = map(str, (tmp_path / "run.py", tmp_path / "example.py", compiled))
    done = forked.run("path", *arguments, cwd=empty, environment=os.environ)
    assert done.returncode == 0, done.stderr


def session(text):
    """The examples of a page alone, on the lines where they stand, so that a failure names the page's line."""
    inside, lines = False, []
    for line in text.splitlines():
        if line.startswith("```"):
            inside, line = line == "```python", ""
        lines.append(line if inside else "")
    return "\n".join(lines)


@pytest.mark.slow  # as the examples of docstrings, and long
@pytest.mark.parametrize("page", SESSIONS)
def test_a_session_prints_what_its_page_says(page):
    examples = doctest.DocTestParser().get_doctest(session(read(page)), {}, page, str(ROOT / page), 0)
    assert examples.examples
    said = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=said.append)
    assert not failed, "".join(said)


@pytest.mark.parametrize("page", ["README.md", "docs/experiments.md"])
def test_commands_name_files_that_exist(page):
    named = re.findall(r"(?:--config=|^)((?:configs|scripts)/[a-z_./]+)", read(page), re.M)
    assert named
    for path in named:
        assert (ROOT / path).exists(), path
