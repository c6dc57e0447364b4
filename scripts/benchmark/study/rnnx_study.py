"""The gradient study in rnnx: one command line."""

import sys
from pathlib import Path

from scripts.benchmark.study.spec import Study


def command(study: Study, workdir: Path, *, vectorize: int, diagnostics: str | None = None) -> list[str]:
    """`experiments.sweep` with `vectorize` seeds trained as one program, in as many processes as there are cores.

    With `diagnostics` no others are taken, and so no others are drawn; without, those that a study takes by default.
    """
    axes = {
        "cell.name": ",".join(study.cells),
        "task.length": ",".join(map(str, study.lengths)),
        "seed": f"0:{study.seeds}",
    }
    settings = {
        "cell.hidden_size": study.hidden,
        "task.name": "adding",
        "batch_size": study.batch,
        "steps": study.steps,
        "learning_rate": study.learning_rate,
        "clip_norm": study.clip_norm,
        "log_every": study.measure_every,
        "measure_every": study.measure_every,
        "measure_batch_size": study.heldout,
        "checkpoint_every": study.steps,
    }
    if diagnostics:
        settings["diagnostics"] = diagnostics
    return [
        sys.executable,
        "-m",
        "experiments.sweep",
        "--config=configs/adding.py",
        f"--workdir={workdir}",
        f"--sweep={';'.join(f'{field}={values}' for field, values in axes.items())}",
        f"--vectorize={vectorize}",
        "--noreport",
        *(f"--config.{field}={value}" for field, value in settings.items()),
    ]
