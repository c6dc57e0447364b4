"""The studies in configs/: every one of their trials can be run, and the docstring says how and what comes out."""

import importlib
from pathlib import Path

import pytest

import configs
from experiments import config
from experiments.studies import study as sweeping
from rnnx import data

ROOT = Path(*configs.__path__)
NAMES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.rglob("*.py") if path.name != "__init__.py"
)


@pytest.mark.parametrize("name", NAMES)
def test_every_trial_of_a_study_has_a_config_that_checks(tmp_path, name):
    study = importlib.import_module(f"configs.{name}".replace("/", "."))
    base = study.get_config()
    texts = data.available("tinyshakespeare") or data.available("shakespeare")
    if base.task.name == "characters" and not texts:
        pytest.skip("no text is on this machine")
    config.parse(base)
    command = "run" if not hasattr(study, "sweep") else "sweep"
    assert f"python -m experiments.{command} " in study.__doc__
    assert f"--config=configs/{name}.py" in study.__doc__
    assert "\nExpect: " in study.__doc__
    if command == "run":
        return
    overrides = study.sweep()
    if not texts:
        overrides = [override for override in overrides if override.get("task.name") != "characters"]
    # What a config is checked for does not depend on the seed.
    assert len(sweeping.resolve(base, overrides, tmp_path)) == len(overrides)
    assert {override["seed"] for override in overrides} >= {0, 1}
