"""The studies in configs/: every one of their trials can be run, and the docstring says how and what comes out."""

import importlib
import inspect
from pathlib import Path

import pytest

import configs
import rnnx
from experiments import config
from experiments.studies import study as sweeping
from rnnx import data
from tests.helpers import at_hand

ROOT = Path(*configs.__path__)
NAMES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.rglob("*.py") if path.name != "__init__.py"
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "all_tasks" else []) for name in NAMES]
)
def test_every_trial_of_a_study_has_a_config_that_checks(tmp_path, name):
    study = importlib.import_module(f"configs.{name}".replace("/", "."))
    base = study.get_config()
    if not data_is_there(base, {}):
        pytest.skip("its data is not on this machine")
    config.parse(base)
    command = "run" if not hasattr(study, "sweep") else "sweep"
    assert f"python -m experiments.{command} " in study.__doc__
    assert f"--config=configs/{name}.py" in study.__doc__
    assert "\nExpect: " in study.__doc__
    if command == "run":
        return
    overrides = [override for override in study.sweep() if data_is_there(base, override)]
    assert {override["seed"] for override in overrides} >= {0, 1}
    # What a config is checked for does not depend on the seed.
    of_one_seed = [override for override in overrides if override["seed"] == 0]
    assert len(sweeping.resolve(base, of_one_seed, tmp_path)) == len(of_one_seed)


def data_is_there(base, override):
    """Whether a trial needs no data, or such as this machine has."""
    name = override.get("task.name", base.task.name)
    if at_hand.task(name) is None:
        return False
    factory = rnnx.tasks.get(name)
    by_default = inspect.signature(factory).parameters.get("corpus")
    return by_default is None or data.available(override.get("task.corpus", base.task.corpus) or by_default.default)
