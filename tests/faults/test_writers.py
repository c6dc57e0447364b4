"""R11: one writer in a directory. R12: a sweep's process may be killed."""

import re
import signal

import pytest

from tests.experiments.commands import run
from tests.faults import processes, trials

SEEDS = ("adding/lstm/T5/seed1", "adding/lstm/T5/seed0")
SWEEP = (*trials.ONE, "--jobs=1", "--vectorize=1")


@pytest.mark.slow  # as in experiments/test_sweep.py, and with trials that train
def test_a_second_process_stops_at_once_and_names_the_first(straight, tmp_path, survived):
    """A sweep in the directory of a sweep, and a run in the directory of one of its trials."""
    first = (*SWEEP, "--sweep=seed=0:1", f"--workdir={tmp_path}")
    trial = tmp_path / SEEDS[1]
    with processes.started("sweep", *first) as process:
        processes.wait(process, lambda: trials.at(trial, 20))
        writers = processes.family(process)
        processes.send(signal.SIGSTOP, writers)  # lest it ends before the others have come to it
        for module, arguments in (("sweep", first), ("run", (*trials.ONE, f"--workdir={trial}"))):
            second = run(module, *arguments)
            assert second.returncode == 2, second.stderr
            (line,) = second.stderr.splitlines()
            (named,) = re.findall(r"process (\d+)", line)
            assert int(named) in writers
            survived("R11", f"a second {module} in a directory")
        processes.send(signal.SIGCONT, writers)
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert trials.outcome(trial) == trials.outcome(straight)


def test_a_sweep_whose_process_is_killed_does_what_is_left(straight, tmp_path, often, survived):
    """Its workers end with it; a trial that is done is not touched again, the other goes on from its checkpoint."""
    arguments = (*SWEEP, "--sweep=seed=1,0", f"--workdir={tmp_path}")
    done, begun = (tmp_path / name for name in SEEDS)
    times = often(1, 5)
    stamps = None
    for moment in [40 * (number + 1) for number in range(times)]:
        with processes.started("sweep", *arguments) as process:
            processes.wait(process, lambda moment=moment: trials.at(begun, moment))
            assert (done / "DONE.json").exists()
            stamps = stamps or {path: path.stat().st_mtime_ns for path in done.rglob("*")}
            workers = [pid for pid in processes.family(process) if pid != process.pid]
            assert workers
            process.kill()
            process.wait()
            processes.gone(workers)
    assert not (begun / "DONE.json").exists()
    reached = trials.newest(begun)
    again = run("sweep", *arguments)
    assert again.returncode == 0, again.stderr
    assert "2 of 2 trials are done" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == stamps
    assert reached >= 40
    assert len(list(begun.glob("events.out.tfevents.*[0-9]"))) == times + 1  # it was resumed, not begun anew
    assert trials.outcome(begun) == trials.outcome(straight)
    survived("R12", "kill -9 of a sweep's own process", times)
