"""Batches that are split over devices, by `jax.shard_map` with its checks and by explicit sharding, run as on one."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from rnnx import placement
from rnnx.unroll import as_sequence
from tests.helpers.split_batches import OPTIONS, WAYS
from tests.variants import ENGINES, VARIANTS, make, takes

pytestmark = pytest.mark.xdist_group("split_batches")  # the process with four devices is started once

# Each way to split once, each on another engine; the first with what is refused. All others are in the longest test.
SHORT = ("lstm/auto/shard_map/masks", "refused")
LONGER = ("lru/associative/explicit/masks",)


@functools.cache
def found(*cases):
    """What a process with four devices has to say."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.split_batches", *cases],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_as_on_one_device(answers):
    # float64, of order 1 to 100, and at most some thousand roundings.
    wrong = {case: said for case, said in answers.items() if isinstance(said, str) or not said < 1e-10}
    assert not wrong


@pytest.mark.parametrize("cases", [SHORT, pytest.param(LONGER, marks=pytest.mark.slow)])
def test_a_split_batch_runs_as_on_one_device(cases):
    assert_as_on_one_device({cases[0]: found(*cases)[cases[0]]})


@pytest.mark.slow
@pytest.mark.parametrize("variant", [*VARIANTS, "others"])
def test_every_cell_engine_and_option(variant):
    if variant == "others":
        given = [("closing", kind) for kind in ("fused", "scan", "newton")] + [("gradient_flow", "auto")]
        cases = [f"{name}/{kind}/{way}/plain" for name, kind in given for way in WAYS]
    else:
        kinds = [kind for name, kind in ENGINES if name == variant]
        kinds += ["newton"] * ("newton" not in kinds and takes("newton", make(variant)))
        cases = [
            f"{variant}/{kind}/{way}/{option}"
            for kind in kinds
            for way in WAYS
            for option, given in OPTIONS.items()
            if option != "masks" and ("remat" not in given or kind in ("scan", "fused"))  # those go with `reverse` too
        ]
    assert_as_on_one_device(found(*cases))


def test_what_cannot_be_split_is_refused_in_a_line():
    said = found(*SHORT)["refused"]
    assert "only batch axes may be split" in said["time"]
    assert "only batch axes may be split" in said["features"]
    assert "params must not be split" in said["parameters"]


def test_on_one_device_nothing_is_done():
    xs, state = jnp.ones((5, 4, 2)), {"h": jnp.ones((4, 3))}
    assert as_sequence(xs) is xs
    assert placement.vary(state, placement.varying(xs, state)) is state
    assert placement.like_step(xs, state)["h"] is state["h"]
    assert jax.make_jaxpr(lambda xs: placement.like_steps(xs, xs))(xs).eqns == []
