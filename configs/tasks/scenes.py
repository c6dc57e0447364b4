r"""A GRU that describes drawn scenes, "a small red circle left of a large blue square", and looks at them as it writes.

python -m experiments.run --config=configs/tasks/scenes.py --workdir=runs/scenes
python -m experiments.run --config=configs/tasks/scenes.py --config.task.objects=digits --config.steps=9000 \
    --workdir=runs/digits
python -m experiments.report --workdir=runs/scenes

Expect: in four minutes on two busy cores, 96.1 % of a thousand other scenes of one or two objects described right, word
by word (BLEU-4 98.1); 31.3 % of those whose objects are of combinations of size, colour and shape that were never
trained on (71.3), where nearly all errors are in the shape, the last word of an object; and none of those with three
objects (43.5), nearly all of which are described with two. Of scenes of handwritten digits, in drawings that were never
trained on, 60.5 % (85.2), 15.1 % (61.9) and none (45.0) after as many steps, and 90.4 % (96.8), 55.0 % (83.7) and none
(50.3) after 9000, in eight minutes. (2026-11-30, jax 0.12.0.1, sacrebleu 2.6.0, seed 0.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """One or two objects, some hundred and ninety thousand scenes in all."""
    base = config.default()
    base.task.name = "scenes"
    base.task.length = 11
    base.cell.name = "gru"
    base.cell.hidden_size = 128
    base.model.attention = "dot"
    base.batch_size = 64
    base.steps = 3000
    base.learning_rate = 3e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.log_every = 50
    base.measure_every = 500
    return base
