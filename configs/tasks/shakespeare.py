"""An LSTM that reads Shakespeare character by character, and then writes.

python -m experiments.run --config=configs/tasks/shakespeare.py --workdir=runs/shakespeare
python -m experiments.generate --workdir=runs/shakespeare --prompt="ROMEO:" --temperature=0.8
python -m experiments.report --workdir=runs/shakespeare
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Tiny Shakespeare, read on from batch to batch, some eight times in all."""
    base = config.default()
    base.task.name = "characters"
    base.task.length = 64
    base.cell.hidden_size = 256
    base.batch_size = 64
    base.steps = 2000
    base.learning_rate = 5e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.objective.carry_state = True
    base.log_every = 50
    base.measure_every = 250
    base.checkpoint_every = 500
    return base
