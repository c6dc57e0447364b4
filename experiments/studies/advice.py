"""What to try with a trial whose loss or gradient has stopped being finite, from its own settings."""

from experiments.config import Config

_USUAL_RATE = 3e-3
"""A learning rate that most studies train with."""


def advice(config: Config) -> str:
    """One sentence.

    >>> from experiments import config
    >>> base = config.default()
    >>> base.learning_rate, base.clip_norm = 10.0, 0.0
    >>> advice(config.parse(base, trace=False))
    'What may help, in another --workdir: --config.clip_norm=1 (now none), --config.learning_rate=0.003 (now 10).'
    """
    tries = []
    if not (config.clip_norm or config.clip_value):
        tries.append("--config.clip_norm=1 (now none)")
    elif config.clip_norm > 1:
        tries.append(f"--config.clip_norm=1 (now {config.clip_norm:g})")
    rate = min(config.learning_rate / 10, _USUAL_RATE)
    tries.append(f"--config.learning_rate={rate:.2g} (now {config.learning_rate:g})")
    if config.precision != "float32":
        tries.append(f"--config.precision=float32 (now {config.precision})")
    return f"What may help, in another --workdir: {', '.join(tries)}."
