"""R1, R5 and R14: SIGKILL at any moment."""

import random
import time

import jax
import numpy as np
import pytest

from rnnx import cells, tasks
from rnnx.logbook import Checkpoints, read_metrics
from rnnx.types import Tree
from tests.experiments.commands import run
from tests.faults import processes, saver, trials
from tests.helpers import at_hand, board_events


def others():
    """Each task with a cell for its model, and each cell on some task: for the long version."""
    pairs = [("", task, "") for task in tasks.names()]
    pairs += [(cell, "tournament" if isinstance(form(cell), Tree) else "adding", "") for cell in cells.names()]
    pairs.append(("gru", "characters", "objective.carry_state=True"))
    return [pytest.param(*pair, marks=pytest.mark.slow) for pair in pairs]


def form(cell):
    return cells.get(cell)(3).form


def killed(module, arguments, directory, times, seed):
    """Start a trial and kill it, again and again, each time later; of several times the first while it starts."""
    chance = random.Random(seed)
    last = trials.STEPS - 5 * trials.SAVED_EVERY  # so that the rest takes longer than the longest delay
    starting = [0] if times > 1 else []
    for moment in [*starting, *sorted(chance.sample(range(1, last), times - len(starting)))]:
        with processes.started(module, *arguments) as process:
            processes.wait(process, lambda moment=moment: trials.at(directory, moment))
            time.sleep(chance.uniform(0, 0.1))
            assert process.poll() is None
    assert not (directory / "DONE.json").exists()


def assert_whole(directory, sessions):
    """No step is missing and none is there twice, in either record."""
    steps = list(range(0, trials.STEPS + 1, 2))
    assert [record["step"] for record in read_metrics(directory / "metrics.jsonl")] == steps
    assert board_events.steps(directory, "train/loss") == steps[1:]
    assert len(list(directory.glob("events.out.tfevents.*[0-9]"))) <= sessions


def test_killed_at_random_moments_a_trial_ends_as_if_it_had_not_been(straight, tmp_path, often, survived):
    arguments = (*trials.ONE, f"--workdir={tmp_path / 'trial'}")
    times = often(1, 10)
    killed("run", arguments, tmp_path / "trial", times, seed=0)
    done = run("run", *arguments)
    assert done.returncode == 0, done.stderr
    assert trials.outcome(tmp_path / "trial") == trials.outcome(straight)
    survived("R1", "kill -9 of a run: lstm on adding", times)
    assert_whole(tmp_path / "trial", sessions=times + 1)
    survived("R14", "kill -9 of a run", times)


@pytest.mark.parametrize(("cell", "task", "setting"), others())
def test_so_does_every_cell_and_every_task(tmp_path, survived, cell, task, setting):
    """And a state that is carried from batch to batch."""
    if not at_hand.by_default(task):
        pytest.skip("its data is not on this machine, or it is of one's own")
    made = tasks.get(task)()
    cell = cell or ("recursive" if made.model == "recursive" else "gru")
    named = (f"--config.cell.name={cell}", f"--config.task.name={task}")
    named += (f"--config.task.length={max(5, made.min_length)}",) + ((f"--config.{setting}",) if setting else ())
    straight, directory = tmp_path / "straight", tmp_path / "trial"
    arguments = (*trials.LASTING, *named, f"--workdir={directory}")
    assert run("run", *trials.LASTING, *named, f"--workdir={straight}").returncode == 0
    times = 5
    killed("run", arguments, directory, times, seed=1)
    done = run("run", *arguments)
    assert done.returncode == 0, done.stderr
    assert trials.outcome(directory) == trials.outcome(straight)
    survived("R1", f"kill -9 of a run: {cell} on {task}", times)
    assert_whole(directory, sessions=times + 1)
    survived("R14", "kill -9 of a run", times)


@pytest.mark.slow
def test_trials_that_are_trained_as_one_program_resume_as_one(tmp_path, often, survived):
    """Also where the last session is not told to put trials together: they keep the width they began with."""
    arguments = (*trials.LASTING, "--config.cell.name=gru", "--sweep=seed=0:2", "--jobs=1")
    straight, swept = tmp_path / "straight", tmp_path / "killed"
    done = run("sweep", *arguments, "--vectorize=2", f"--workdir={straight}")
    assert done.returncode == 0, done.stderr
    seeds = ["adding/gru/T5/seed0", "adding/gru/T5/seed1"]
    times = often(1, 10)
    killed("sweep", (*arguments, "--vectorize=2", f"--workdir={swept}"), swept / seeds[0], times, seed=2)
    done = run("sweep", *arguments, "--vectorize=1", f"--workdir={swept}")
    assert done.returncode == 0, done.stderr
    for name in seeds:
        assert trials.outcome(swept / name) == trials.outcome(straight / name)
        assert_whole(swept / name, sessions=times + 1)
    survived("R1", "kill -9 of a sweep that trains two trials as one program", times)
    survived("R14", "kill -9 of a sweep that trains two trials as one program", times)


def test_killed_while_it_saves_it_leaves_a_whole_checkpoint(tmp_path, often, survived):
    """Restoring warns of nothing, gives what was saved, and loses at most the step that was in hand."""
    chance = random.Random(3)
    folder = tmp_path / "checkpoints"
    hits, wanted, committed = 0, often(2, 50), 0
    for _ in range(2 * wanted):
        goal = committed + 1 + chance.randrange(3)
        with processes.started_module("tests.faults.saver", str(folder)) as process:
            processes.wait(process, lambda goal=goal: trials.newest(tmp_path) >= goal and unfinished(folder))
            time.sleep(chance.uniform(0, 0.03))
            committed = trials.newest(tmp_path)
        hits += unfinished(folder)
        step, restored = Checkpoints(folder).restore_latest(saver.state(0))
        assert step >= committed
        jax.tree.map(np.testing.assert_array_equal, restored, saver.state(step))
        committed = step
        if hits == wanted:
            break
    assert hits == wanted
    survived("R5", "kill -9 while a checkpoint was being written", hits)


def unfinished(folder):
    """Whether there is what orbax writes before it renames it to a step."""
    return any("orbax-checkpoint-tmp" in path.name for path in folder.iterdir())
