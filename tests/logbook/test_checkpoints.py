"""Checkpoints: what is saved comes back, and that of another model does not. Damaged ones: `tests/faults`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from rnnx.logbook import Checkpoints
from rnnx.logbook.checkpoints import CheckpointError


class State(NamedTuple):
    params: dict
    step: jax.Array


class LaterState(NamedTuple):
    """With a field more, in which there need not be anything."""

    params: dict
    step: jax.Array
    carried: dict | None = None


def state(value, size=4):
    return State({"w": jnp.full((size, 3), float(value)), "b": jnp.arange(3.0)}, jnp.int32(value))


def equal(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        bool((x == y).all()) and x.dtype == y.dtype for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def saved(tmp_path, *steps):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for step in steps:
        checkpoints.save(step, state(step))
    return tmp_path / "checkpoints"


def test_nothing_saved_gives_nothing(tmp_path):
    assert Checkpoints(tmp_path / "checkpoints").restore_latest(state(0)) is None


def test_the_newest_comes_back_with_its_structure(tmp_path):
    folder = saved(tmp_path, 10, 20)
    step, restored = Checkpoints(folder).restore_latest(state(0))
    assert step == 20
    assert equal(restored, state(20))


def test_shapes_are_enough_to_restore(tmp_path):
    folder = saved(tmp_path, 10)
    _, restored = Checkpoints(folder).restore_latest(jax.eval_shape(lambda: state(0)))
    assert equal(restored, state(10))


def test_a_field_that_was_added_since_is_none_and_the_other_way_round(tmp_path):
    folder = saved(tmp_path, 10)
    later = LaterState(*state(20))
    step, restored = Checkpoints(folder).restore_latest(later)
    assert step == 10
    assert equal(restored, LaterState(*state(10)))
    Checkpoints(folder).save(20, later)
    step, restored = Checkpoints(folder).restore_latest(state(0))
    assert step == 20
    assert equal(restored, state(20))
    with pytest.raises(CheckpointError, match="carried/h is missing, not float32"):
        Checkpoints(folder).restore_latest(later._replace(carried={"h": jnp.zeros(3)}))


def test_only_the_newest_two_are_kept(tmp_path):
    folder = saved(tmp_path, 10, 20, 30)
    assert sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) == [20, 30]


def test_saving_an_earlier_step_is_an_error(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(20, state(20))
    with pytest.raises(CheckpointError, match="step 10 was not saved"):
        checkpoints.save(10, state(10))


def change_recorded_hash(folder):
    (path,) = (folder / "leaves").rglob("metadata")
    text = path.read_text()
    start = text.index('"sha256": "') + len('"sha256": "')
    flipped = "0" if text[start] != "0" else "1"
    path.write_text(text[:start] + flipped + text[start + 1 :])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (state(0, size=5), r"params/w is float32\[4, 3\], not float32\[5, 3\]"),
        (state(0)._replace(step=jnp.float32(0)), r"step is int32\[\], not float32\[\]"),
        (State({"w": jnp.ones((4, 3))}, jnp.int32(0)), r"params/b is float32\[3\], not expected"),
        (State({**state(0).params, "extra": jnp.ones(1)}, jnp.int32(0)), r"params/extra is missing, not float32\[1\]"),
    ],
)
def test_another_model_is_rejected_by_name_and_left_alone(tmp_path, other, message):
    folder = saved(tmp_path, 10)
    with pytest.raises(CheckpointError, match=message):
        Checkpoints(folder).restore_latest(other)
    assert (folder / "10").is_dir()


def test_looking_on_changes_nothing(tmp_path):
    """Neither a step that is being written nor one that is damaged is touched; the one before it is read."""
    folder = saved(tmp_path, 10, 20)
    change_recorded_hash(folder / "20")
    (folder / "30.orbax-checkpoint-tmp").mkdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.warns(UserWarning, match=r"checkpoint .*20 is damaged: "):
        step, restored = Checkpoints(folder, read_only=True).restore_latest(state(0))
    assert step == 10
    assert equal(restored, state(10))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
