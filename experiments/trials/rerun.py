"""A recorded trial run again, and whether the result is the same to the last bit.

What a record says of it is the config, and everything else that can decide the last bits: versions, the code itself,
the machine, flags, data, and how many trials trained side by side in its program.
"""

import os
from pathlib import Path
from typing import Any

from experiments import config as configs
from experiments import user_modules
from experiments.config import Config, ConfigError
from experiments.executors import Options
from experiments.executors.local import local
from experiments.studies import study
from experiments.trials import data_parallel, diff, provenance
from experiments.trials.trial import Trial, TrialGroup, finished
from rnnx.logbook import files
from rnnx.logbook.run_directory import CONFIG, DONE, FAILED, METRICS
from rnnx.pytrees import flatten_dict


def rerun(source: Path, directory: Path) -> int:
    """Run the trial of `source` again in `directory`, or go on with that, and say how the two compare.

    Returns 0 if they are bit-identical, 1 if not, or if the trial failed.

    Raises:
      ConfigError: `source` holds no finished trial of this version of rnnx, or `directory` another one.
      DamagedError: a file of one of them is.
      Interrupted: a signal asked for an end; what was trained is saved.
    """
    there = _recorded(source)
    if directory.resolve() == source.resolve():
        raise ConfigError(f"--workdir={directory} is the trial itself: choose another for the second run.")
    user_modules.make_importable(source, there.get("modules", {}))
    try:
        config = configs.restore(flatten_dict(there["config"]))
    except ConfigError as error:
        raise ConfigError(f"{source / CONFIG} is not of this version of rnnx: {error}") from None
    trial = Trial(Path(os.path.abspath(directory)).name, config, directory)
    vmap_width = there.get("slots", 1)
    split = vmap_width == 1 and there.get("split_over", 1) > 1
    if not finished(trial) and not (directory / CONFIG).exists():
        # A trial keeps the width of the program that it began with, and so this one begins with that of the other.
        group = TrialGroup((trial,), vmap_width, data_parallel=split)
        provenance.record(directory / CONFIG, config, group.vmap_width, group.num_devices)
    status = data_parallel.run_single_process(trial) if split else study.execute([trial], Options(1, 0.0, {}), local)
    return status or _tell(source, directory, config)


def _recorded(source: Path) -> dict[str, Any]:
    """The config.json of a finished trial."""
    if not (source / CONFIG).is_file():
        raise ConfigError(f"--from={source} has no config.json: give the directory of a trial.")
    if (source / FAILED).exists():
        error = files.read_json(source / FAILED).get("error", "")
        raise ConfigError(f"--from={source} has failed, so there is no result to compare with: {error}")
    if not (source / DONE).exists():
        raise ConfigError(f"--from={source} is not finished, so there is no result to compare with.")
    there = files.read_json(source / CONFIG)
    if not isinstance(there.get("config"), dict):
        raise ConfigError(f"{source / CONFIG} is not the record of a trial: it has no config.")
    return there


def _tell(source: Path, directory: Path, config: Config) -> int:
    """Print how two finished trials compare."""
    parts = {
        METRICS: diff.metrics(source, directory),
        "the last checkpoint": diff.checkpoints(source, directory, config),
    }
    why = provenance.differences(*(files.read_json(path / CONFIG) for path in (source, directory)))
    if not any(parts.values()):
        print(f"bit-identical to {source}: {' and '.join(parts)}.")
        if why:
            print(f"That is so although not all is the same: {why}.")
        return 0
    print(f"not bit-identical to {source}:")
    for part, apart in parts.items():
        for sentence in apart or ["bit-identical"]:
            print(f"  {part}: {sentence}.")
    print(f"Likely the reason: {why}." if why else "The records name no difference that would explain it.")
    return 1
