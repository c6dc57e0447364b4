"""What a sweep shows, with terminals of several sizes."""

import io
import math
import re

import pytest
from rich.console import Console

from experiments import config, progress
from experiments.progress import Display
from experiments.trials.trial import Progress, Trial


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def trials(tmp_path, count):
    given = config.default()
    given.task.length, given.steps = 5, 1000
    parsed = config.parse(given)
    return [Trial(f"adding/lstm,forget_bias={n}/T5/seed{n}", parsed, tmp_path / str(n)) for n in range(count)]


def screen(display, console):
    """The lines that a terminal would show."""
    with console.capture() as capture:
        console.print(display._drawn())
    return re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()


def terminal(width, height):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, legacy_windows=False)


def test_rows_tell_speed_and_time_left(tmp_path, clock):
    todo = trials(tmp_path, 3)
    console = terminal(100, 24)
    display = Display(5, todo, {"other": "diverged"}, console)
    # Resumed at 200; the first steps wait for the compiler.
    for seconds, step, loss in ((10, 200, math.nan), (30, 250, 0.5), (10, 300, 0.25)):
        clock.now += seconds
        display.update(Progress(todo[0].name, step, loss))
    lines = screen(display, console)
    assert lines[0].split() == ["trial", "step", "loss", "steps/s", "left"]
    # 50 steps in the 10 seconds between the last two reports, 700 to go.
    assert lines[1].split() == [todo[0].name, "300/1000", "0.2500", "5", "0:02:20"]
    # 100 steps in 50 seconds, and 2700 to go; what was done before is no work of this session.
    assert lines[-1] == "1/5 trials done, 1 failed, 1 running, 2 waiting; 0:00:50, about 0:22:30 left"
    clock.now += 20
    assert screen(display, console)[1].split()[-1] == "0:02:00"

    display.update(Progress(todo[0].name, 1000, math.nan, "done"))
    display.update(Progress(todo[1].name, 0, math.nan, "timed out"))
    display.update(Progress(todo[2].name, 50, 0.1))
    assert display.failed == {"other": "diverged", todo[1].name: "timed out"}
    lines = screen(display, console)
    assert "2/5 trials done, 2 failed, 1 running;" in lines[-1]
    assert [line.split()[0] for line in lines[1:-2]] == [todo[2].name]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 10), (200, 50), (40, 3)])
def test_no_terminal_is_too_small_for_many_trials(tmp_path, clock, width, height):
    todo = trials(tmp_path, 40)
    console = terminal(width, height)
    display = Display(64, todo, {}, console)
    for number, trial in enumerate(todo):
        display.update(Progress(trial.name, 100 + number, 0.5))
    lines = screen(display, console)
    assert len(lines) < max(height, 6)
    assert max(map(len, lines)) <= width
    shown = [line for line in lines if "/1000" in line]
    if len(shown) < len(todo) and width >= 60:
        assert f"… {40 - len(shown)} more" in lines[1 + len(shown)]
        assert f"{100 + len(shown)} … 139" in lines[1 + len(shown)]
    if height >= 24:
        assert len(shown) == min(height - 6, 40)
        assert all(re.search(r"seed\d+ ", line) for line in shown)


def test_elsewhere_there_are_lines_now_and_then_and_at_each_end(tmp_path, clock, capsys):
    todo = trials(tmp_path, 2)
    with Display(2, todo, {}, Console(file=io.StringIO())) as display:
        for step in range(0, 400, 50):
            clock.now += 3
            display.update(Progress(todo[0].name, step, math.nan if step == 0 else 0.5))
        display.update(Progress(todo[0].name, 0, math.nan, "timed out"))
        display.update(Progress(todo[1].name, 1000, math.nan, "done"))
    first, *middle, failed, done = capsys.readouterr().out.splitlines()
    assert first == f"0/2 trials done, 1 running, 1 waiting: {todo[0].name}: step 0"
    assert middle == [
        f"0/2 trials done, 1 running, 1 waiting, about 0:02:15 left: {todo[0].name}: step 200, loss 0.5000"
    ]
    assert failed == f"0/2 trials done, 1 failed, 1 waiting, about 0:01:09 left: {todo[0].name}: timed out"
    assert done == f"1/2 trials done, 1 failed: {todo[1].name}: done"
