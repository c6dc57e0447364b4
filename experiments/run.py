"""Run one trial.

python -m experiments.run --config=configs/adding.py --config.cell.name=gru --workdir=runs/one
"""

from absl import flags
from ml_collections import config_flags

from experiments import command, sweep
from experiments.config import parse
from experiments.executors.local import local
from experiments.trial import Trial


def main() -> int:
    """Run the trial of `--config` in `--workdir`."""
    config, _, _ = command.study()
    directory = command.workdir()
    return sweep.execute([Trial(directory.name, parse(config), directory)], jobs=1, executor=local)


if __name__ == "__main__":
    config_flags.DEFINE_config_file("config", None, "Study file, for example configs/adding.py.")
    flags.DEFINE_string("workdir", None, "Directory of this trial; run again, it resumes.")
    command.start(main)
