"""What a dispatch of training steps tells, in a few numbers."""

from typing import Any

import numpy as np

from experiments import build
from experiments.config import Config
from experiments.trials.trial import DivergedError
from rnnx.clipping import clipping
from rnnx.training.program import StepMetrics


def train_metrics(before: int, taken: StepMetrics, config: Config) -> dict[str, Any]:
    """The `train/…` tags of K training steps.

    Args:
      before: steps done before these.
      taken: what each of them showed.
      config: of the trial.

    Raises:
      DivergedError: a loss or a gradient among them is not finite.
    """
    bad = np.flatnonzero(~(np.isfinite(taken.loss) & np.isfinite(taken.gradient_norm)))
    if bad.size:
        step = before + int(bad[0]) + 1
        flossed = step <= config.objective.flossing_steps and np.isfinite(taken.loss[bad[0]])
        raise DivergedError(step, _no_flossing(config) if flossed else "")
    summary = {
        "train/loss": taken.loss.mean(),
        "train/gradient_norm": np.median(taken.gradient_norm),
        "train/gradient_norm_max": taken.gradient_norm.max(),
        **{f"train/{name}": value for name, value in clipping(taken.gradient_norm, config.clip_norm or None).items()},
    }
    if config.clip_value:
        del summary["train/clipped"]  # of which a norm does not tell
    if config.schedule.name != "constant":
        factor = build.schedule(config)(before + len(taken.loss) - 1)
        summary["train/learning_rate"] = config.learning_rate * float(factor)
    return summary


def _no_flossing(config: Config) -> str:
    count = config.objective.flossing_exponents
    return (
        f": flossing has no gradient where one of the {count} largest Lyapunov exponents is -inf, "
        "since at some step fewer directions are passed on, as by relu, whose units may be off; "
        "lower flossing_exponents, or choose another activation"
    )
