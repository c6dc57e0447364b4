"""The trial whose model writes: a few steps, since how fast it writes does not depend on what it has learnt."""

import subprocess
import sys
from pathlib import Path

from scripts.benchmark import processes

LENGTH = 20_000
"""Of the text that it reads: in the end it is tested on a tenth, again and again until its memory is the same."""


def make(directory: Path, text: Path, hidden: int, cache: Path) -> None:
    """Train it by `experiments.run`.

    Args:
      directory: the trial's.
      text, hidden: a part of which it reads, written beside it, and the units of its LSTM.
      cache: of compiled programs.

    Raises:
      WorkerError: the command failed.
    """
    steps = 20
    whole = text.read_text(encoding="utf-8")
    part = text.with_name("part.txt")
    part.write_text("".join(sorted(set(whole))) + whole[:LENGTH], encoding="utf-8")
    settings = {
        "task.path": part,
        "task.length": 32,
        "cell.hidden_size": hidden,
        "steps": steps,
        "schedule.warmup_steps": 0,
        "log_every": steps,
        "measure_every": steps,
        "checkpoint_every": steps,
        "diagnostics": "",
    }
    command = [
        sys.executable,
        "-m",
        "experiments.run",
        "--config=configs/tasks/shakespeare.py",
        f"--workdir={directory}",
        "--noreport",
        *(f"--config.{field}={value}" for field, value in settings.items()),
    ]
    with processes.running(command, cache, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = process.communicate()[0]
    processes.check("experiments.run", process.returncode, said)
