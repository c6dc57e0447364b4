"""Faults in numbers: how many each test makes, and the record of those that were survived.

`--long` makes as many as `scripts/faults` does; `--record=FILE.json` keeps what was survived, with a page beside it.
"""

from pathlib import Path

import pytest

from tests.experiments.commands import run
from tests.faults import trials
from tests.faults.record import Recorder


def pytest_addoption(parser):
    group = parser.getgroup("faults")
    group.addoption("--long", action="store_true", help="many more faults than in the test suite")
    group.addoption("--record", metavar="FILE.json", help="where to write how many faults were survived")


def pytest_configure(config):
    path = config.getoption("--record", default=None)
    if path and not hasattr(config, "workerinput"):  # with pytest-xdist all results come to one process
        config.pluginmanager.register(Recorder(Path(path)))


def pytest_collection_modifyitems(items):
    """What is compared with the same straight run goes to the same process, which makes it once."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "straight" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("straight"))


@pytest.fixture
def often(request):
    """How often: few times in the test suite, many times in the long version."""
    long = request.config.getoption("--long", default=False)
    return lambda short, many: many if long else short


@pytest.fixture
def survived(request):
    """`survived(promise, fault, times=1)`, for the record; said once that is certain."""

    def note(promise, fault, times=1):
        request.node.user_properties.append(("survived", (promise, fault, times)))

    return note


@pytest.fixture(scope="session")
def straight(tmp_path_factory):
    """The trial that most tests disturb, run from beginning to end without a fault."""
    directory = tmp_path_factory.mktemp("straight") / "trial"
    done = run("run", *trials.ONE, f"--workdir={directory}")
    assert done.returncode == 0, done.stderr
    return directory
