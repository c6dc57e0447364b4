"""R4 and R15: a checkpoint that was damaged on disk is never used."""

import gc
import random
import shutil
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.logbook import Checkpoints
from tests.experiments.commands import run
from tests.faults import trials
from tests.faults.damage import KINDS, files, flip, marker

# When orbax fails to read one array it drops the other reads, whose callbacks then find their event loop closed.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")


class State(NamedTuple):
    params: dict
    step: jax.Array


def state(step):
    weights = np.random.default_rng(step).normal(size=(256, 64))  # orbax puts small ones into its index
    params = {"w": np.float32(weights), "b": np.arange(3, dtype=np.float32) + step}
    return State(jax.tree.map(jnp.asarray, params), jnp.int32(step))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Checkpoints of steps 10 and 20."""
    folder = tmp_path_factory.mktemp("whole") / "checkpoints"
    checkpoints = Checkpoints(folder)
    for step in (10, 20):
        checkpoints.save(step, state(step))
    yield folder
    gc.collect()  # what the filter above is about comes to light when it is collected: not in another module's tests


@pytest.fixture
def folder(whole, tmp_path):
    """The same, to be damaged."""
    return shutil.copytree(whole, tmp_path / "checkpoints")


def assert_right(step, restored):
    jax.tree.map(np.testing.assert_array_equal, restored, state(step))


# Each part of a step, bits and whole files, what is missing, what is wrong though valid, and what is hostile.
SHORT = (
    "one bit in the index",
    "array files all noise",
    "array files swapped",
    "manifest deleted",
    "structure garbled",
    "the step before under this name",
    "account deleted",
    "account unreadable",
    "account with another hash",
    "every file a pickle that runs a program",
)


@pytest.mark.parametrize("kind", [k if k in SHORT else pytest.param(k, marks=pytest.mark.slow) for k in KINDS])
def test_a_damaged_step_is_set_aside_loudly_and_the_one_before_is_used(folder, kind, survived):
    before = state(10)
    KINDS[kind](folder / "20")
    with pytest.warns(UserWarning, match=r"checkpoint .*/20 is damaged and set aside as 20\.corrupt: "):
        step, restored = Checkpoints(folder).restore_latest(state(0))
    assert step == 10
    jax.tree.map(np.testing.assert_array_equal, restored, before)
    assert (folder / "20.corrupt").exists()
    assert not (folder / "20").exists()
    assert not marker(folder / "20").exists()
    survived("R4", f"the newest checkpoint damaged in one of {len(KINDS)} ways")
    # Training goes on from there, and what it saves then is what is used.
    again = Checkpoints(folder)
    again.save(20, state(20))
    assert_right(*Checkpoints(folder).restore_latest(state(0)))


def test_whichever_bit_is_turned_over_no_wrong_value_comes_back(whole, tmp_path, often, survived):
    """Not every bit counts (a time of saving does not), so a step may still be used: with the right values."""
    chance = random.Random(0)
    found = {10: 0, 20: 0}
    for number in range(often(20, 500)):
        folder = shutil.copytree(whole, tmp_path / str(number))
        path = chance.choice(files(folder / "20"))
        flip(path, chance.randrange(8 * path.stat().st_size))
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", UserWarning)
            step, restored = Checkpoints(folder).restore_latest(state(0))
        assert_right(step, restored)
        said = any("20 is damaged and set aside" in str(warning.message) for warning in warned)
        assert said == (step == 10)
        found[step] += 1
        shutil.rmtree(folder)
    assert found[10] > found[20] / 4  # most of the bits count
    survived("R4", "a random bit of the newest checkpoint turned over: detected", found[10])
    survived("R4", "a random bit of the newest checkpoint turned over: of no effect", found[20])


def test_a_step_that_is_damaged_twice_is_set_aside_twice(folder):
    for number in range(2):
        KINDS["array files empty"](folder / "20")
        checkpoints = Checkpoints(folder)
        with pytest.warns(UserWarning, match="20 is damaged and set aside"):
            assert checkpoints.restore_latest(state(0))[0] == 10
        checkpoints.save(20, state(20))
        assert len(list(folder.glob("20.corrupt*"))) == number + 1


def test_where_every_step_is_damaged_there_is_none(folder):
    for name in ("10", "20"):
        KINDS["array files cut in half"](folder / name)
    with pytest.warns(UserWarning, match="damaged and set aside") as warned:
        assert Checkpoints(folder).restore_latest(state(0)) is None
    told = [str(warning.message) for warning in warned if "set aside" in str(warning.message)]
    assert len(told) == 2


@pytest.mark.slow  # as above, and with a trial that trains
def test_a_trial_whose_newest_checkpoint_is_damaged_ends_as_if_it_were_not(straight, tmp_path, survived):
    """The same in a run: it says so, goes on from the checkpoint before, and ends bit for bit the same."""
    directory = shutil.copytree(straight, tmp_path / "trial")
    (directory / "DONE.json").unlink()
    KINDS["one bit in the index"](directory / "checkpoints" / str(trials.STEPS))
    done = run("run", *trials.ONE, f"--workdir={directory}")
    assert done.returncode == 0, done.stderr
    assert f"is damaged and set aside as {trials.STEPS}.corrupt" in done.stderr
    assert trials.outcome(directory) == trials.outcome(straight)
    survived("R4", "a run resumed over a damaged checkpoint")
