"""Four devices train as one does, and exchange sums only."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rnnx
from rnnx.training import parallel
from rnnx.training.program import program
from tests.helpers.four_devices import CASES, SIDE_BY_SIDE

pytestmark = pytest.mark.xdist_group("four_devices")  # the process with four devices is started once


# A division by what all devices have counted.
SHORT = ("lengths", SIDE_BY_SIDE)
LONG = tuple(case for case in CASES if case not in SHORT)
cases = pytest.mark.parametrize(
    "case", [*(pytest.param(case, marks=pytest.mark.slow) for case in LONG), *(case for case in SHORT if case in CASES)]
)


def found(case):
    """What a process with four devices has to say."""
    return compared(SHORT if case in SHORT else LONG)[case]


@functools.cache
def compared(cases):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.four_devices", *cases],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cases
def test_four_devices_train_as_one(case):
    one, four = found(case)["loss"]
    # Sums over the batch in another order: float32 roundings, which Adam divides by the size of the gradient and which
    # ten steps add up. The parameters have moved by up to 10 · 0.003.
    np.testing.assert_allclose(four, one, rtol=1e-5)
    assert found(case)["params"] < 1e-5
    assert one[0] != one[-1]


@cases
def test_only_sums_are_exchanged_and_no_device_has_the_whole_batch(case):
    exchanges = found(case)["exchanges"]
    assert exchanges.pop("all-reduce") > 0
    if case == "carried state":  # of which each has a copy in the end: h, once for all steps
        assert exchanges.pop("all-gather") == 1
    assert set(exchanges.values()) == {0}
    assert found(case)["shares"] > 0
    assert found(case)["whole batches"] == 0


def test_trials_side_by_side_exchange_nothing_and_train_as_on_one_device():
    split = found(SIDE_BY_SIDE)
    assert split["devices"] == 4
    assert set(split["exchanges"].values()) == {0}
    one, four = split["loss"]
    # Products of another number of trials at once may add in another order: roundings, as above.
    np.testing.assert_allclose(four, one, rtol=1e-5)
    assert split["params"] < 1e-5
    for a, b in zip(*split["measured"], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)


def test_a_batch_that_cannot_be_shared_out_is_refused():
    assert parallel.check_batch_size(8, 4) is None
    with pytest.raises(ValueError, match=r"multiple of the number of devices \(4\), not 3; 4 is"):
        parallel.check_batch_size(3, 4)


@pytest.mark.slow
def test_one_device_is_a_mesh_too():
    settings = {"length": 6, "batch_size": 3, "steps_per_dispatch": 2, "measure_batch_size": 4, "diagnostics": ()}
    task = rnnx.tasks.get("adding")()
    model = functools.partial(rnnx.models.get("sequence"), rnnx.rnn(5), task)
    alone, split = (program(model, task, **settings, mesh=mesh) for mesh in (None, parallel.mesh()))
    given = rnnx.training.program.Hyperparameters(0, 0.01)
    (_, one), (_, other) = (p.train(p.init(0), given) for p in (alone, split))
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-5)  # roundings of float32
