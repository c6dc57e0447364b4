"""What lies in the directory of a trial: its settings, and parameters that it has kept."""

from pathlib import Path

import jax
import numpy as np

from experiments import user_modules
from experiments.config import Config, ConfigError, difference, restore
from rnnx.logbook import Checkpoints, files
from rnnx.logbook.checkpoints import by_name
from rnnx.logbook.parameters import read_parameters
from rnnx.logbook.run_directory import BEST, CHECKPOINTS, CONFIG, STUDY
from rnnx.pytrees import flatten_dict
from rnnx.types import Params, Task


def config_of(directory: Path) -> Config:
    """The settings of a trial, whose own modules can be imported from then on; nothing is traced.

    Raises:
      ConfigError: there is no trial.
    """
    if not (directory / CONFIG).exists():
        sweep = "; give the directory of one of its trials" if (directory / STUDY).exists() else ""
        raise ConfigError(f"{directory} holds no trial: it has no {CONFIG}{sweep}.")
    record = files.read_json(directory / CONFIG)
    user_modules.make_importable(directory, record.get("modules", {}))
    return restore(flatten_dict(record["config"]), trace=False)


def check_data(directory: Path, task: Task) -> None:
    """Refuse a task that no longer stands on the data that a trial was trained on, such as a file that was changed.

    Raises:
      ConfigError: it is another one.
    """
    there = files.read_json(directory / CONFIG).get("data", task.data)
    if differing := difference(dict(there), dict(task.data)):
        raise ConfigError(f"{directory} was trained on other data: {differing}. Put back what it was.")


def params_of(directory: Path, checkpoint: str, shapes: Params) -> Params:
    """Parameters of a trial, as those of its model, of which `shapes` has the shapes; `checkpoint` as of `arrays_of`.

    Raises:
      ConfigError: there is no such checkpoint, or it is of another model.
    """
    names, arrays = by_name(shapes), arrays_of(directory, checkpoint)
    if {name: array.shape for name, array in arrays.items()} != {name: leaf.shape for name, leaf in names.items()}:
        raise ConfigError(
            f"the checkpoint in {directory} is of another model, or the words of its task are no longer the same."
        )
    return jax.tree.unflatten(jax.tree.structure(shapes), [arrays[name] for name in names])


def arrays_of(directory: Path, checkpoint: str) -> dict[str, np.ndarray]:
    """Parameters of a trial by name, of its `latest` or `best` checkpoint or that of a step.

    Raises:
      ConfigError: there is none.
    """
    if checkpoint == "best":
        files_of = sorted((directory / BEST).glob("*.npz"), key=lambda path: int(path.stem), reverse=True)
        found = next((arrays for arrays in map(read_parameters, files_of) if arrays is not None), None)
        if found is None:
            raise ConfigError(f"{directory} has no parameters of a best measurement: take --checkpoint=latest.")
        return found
    if not (directory / CHECKPOINTS).is_dir():
        raise ConfigError(f"{directory} has no checkpoint yet.")
    saved = Checkpoints(directory / CHECKPOINTS, read_only=True)
    read = saved.read(None if checkpoint == "latest" else int(checkpoint))
    if read is None:
        kept = ", ".join(map(str, sorted(saved.steps()))) or "none"
        raise ConfigError(f"{directory} has no checkpoint {checkpoint}; steps that are kept: {kept}.")
    prefix = "params/"
    return {name.removeprefix(prefix): array for name, array in read[1].items() if name.startswith(prefix)}
