"""What a sweep shows, with terminals of several sizes."""

import io
import json
import math
import re

import pytest
from rich.console import Console

from experiments import config, progress
from experiments.pace import Pace
from experiments.progress import Display
from experiments.sparkline import sparkline
from experiments.studies import study
from experiments.trials.trial import Progress, Trial, compiling


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def strftime(self, form):
            assert form == "%Y-%m-%d %H:%M:%S"
            return "2026-11-29 12:00:00"

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture(scope="module")
def parsed():
    """A config of 1000 steps, T = 5."""
    given = config.default()
    given.task.length, given.steps = 5, 1000
    return config.parse(given, trace=False)


@pytest.fixture
def trials(tmp_path, parsed):
    """`trials(3)`: so many, which differ in forget bias and seed."""
    return lambda count: [
        Trial(f"adding/lstm,forget_bias={n}/T5/seed{n}", parsed, tmp_path / str(n)) for n in range(count)
    ]


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def screen(display, console):
    """The lines that a terminal would show."""
    with console.capture() as capture:
        console.print(display._drawn())
    return plain(capture.get()).splitlines()


def terminal(width, height):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, legacy_windows=False)


def write_record(trial, loss=0.125, slope=-1.0, prefix="", **more):
    """A last record whose gradient shrinks by a factor 10^slope per step, of 5 steps."""
    trial.directory.mkdir(parents=True, exist_ok=True)
    state = f"{prefix}state_gradient/state"
    values = {f"{state}/log10_norm": [-2 + slope * k for k in range(5)], f"{state}/reach": min(4.0, -2 // slope)}
    with open(trial.directory / "metrics.jsonl", "a") as file:
        file.write(json.dumps({"step": 1000, "heldout/loss": loss} | values | more) + "\n")


def test_rows_tell_what_each_is_at_and_its_speed_and_time_left(trials, clock):
    todo = trials(3)
    console = terminal(100, 24)
    done = Trial("adding/lstm,forget_bias=9/T5/seed9", todo[0].config, todo[0].directory)
    diverged = done._replace(name="adding/lstm,forget_bias=8/T5/seed8")
    display = Display([*todo, done, diverged], todo, {diverged.name: "diverged"}, console)
    name = todo[0].name

    def heard(after, step, loss=math.nan, **news):
        clock.now += after
        display.update(Progress(name, step, loss, **news))
        return screen(display, console)

    assert heard(0, 0, phase="importing jax")[1].split() == ["lstm,forget_bias=0/seed0", "importing", "jax"]
    assert heard(5, 200, phase=compiling(todo[0].config))[1].split()[1:] == ["compiling", "lstm,", "T", "=", "5"]
    # Resumed at 200. What compiled is no rate: 10 steps a second from the first report on, of what training took.
    assert heard(60, 250, 0.5, seconds=5.0)[1].split()[1:] == ["step", "250/1000", "0.5000", "10"]
    assert heard(9, 300, 0.25, seconds=5.0)[1].split()[1:] == ["step", "300/1000", "0.2500", "0:02:06", "10"]
    lines = heard(1, 300, phase="measuring")
    assert lines[0].split() == ["trial", "loss", "left", "steps/s"]
    assert lines[1].split() == ["lstm,forget_bias=0/seed0", "measuring", "0.2500", "0:02:20", "10"]
    # 50 steps in the 10 seconds since the first report, in which it measures too: 700 steps to go, and 1000 of each of
    # the others, which train as long, and come to their training in no time, since their program is there.
    assert lines[-1] == "1/5 trials done, 1 failed, 1 running, 2 waiting; 0:01:15, about 0:09:00 left"
    clock.now += 20
    assert screen(display, console)[1].split()[-2] == "0:02:00"

    write_record(todo[0])
    display.update(Progress(name, 1000, math.nan, "done"))
    display.update(Progress(todo[1].name, 0, math.nan, "timed out"))
    display.update(Progress(todo[2].name, 50, 0.1))
    assert display.failed == {diverged.name: "diverged", todo[1].name: "timed out"}
    lines = screen(display, console)
    assert "2/5 trials done, 2 failed, 1 running;" in lines[-1]
    assert [line.split()[0] for line in lines[1:-2]] == ["lstm,forget_bias=2/seed2"]


def test_trials_that_have_ended_stay_as_a_line_each(trials, clock):
    todo = trials(4)
    console = terminal(100, 24)
    write_record(todo[0], loss=0.5, slope=-1.0)
    write_record(todo[1], prefix="encoder/", **{"decoder/state_gradient/state/reach": 0.0}, slope=-0.25)
    with Display(todo, todo, {}, console) as display:
        for trial, outcome in zip(todo, ("done", "done", "done", "its process was killed"), strict=True):
            display.update(Progress(trial.name, 10, 0.1))
            display.update(Progress(trial.name, 1000, math.nan, outcome))
    shown = plain(console.file.getvalue())
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", shown) if line.startswith(("✓", "✗"))]
    assert lines == [
        # 10^-1 a step: each bar is 4/7 of a decade, and 1 % is left at lag 2.
        "✓ lstm,forget_bias=0/seed0  held-out loss 0.5000  reach 2/4      █▆▅▃▁",
        "✓ lstm,forget_bias=1/seed1  held-out loss 0.1250  encoder 4/4 ██▇▇▆",
        "✓ lstm,forget_bias=2/seed2",
        "✗ lstm,forget_bias=3/seed3  its process was killed",
    ]
    # Nothing else is left: the table is taken away, and who has called says how many are done.
    assert console.file.getvalue().rstrip().endswith("\x1b[2K")


def test_a_single_trial_does_not_wait_and_is_not_counted(trials, clock):
    (alone,) = trials(1)
    console = terminal(80, 24)
    display = Display([alone], [alone], {}, console)
    display.update(Progress(alone.name, 0, math.nan, phase="importing jax"))
    clock.now += 3
    lines = screen(display, console)
    assert lines[1].split() == [alone.name, "importing", "jax"]
    assert lines[-1].rstrip() == "0:00:03"


def test_what_is_left_does_not_rise_while_a_program_is_compiled(trials):
    """Nor does it where a trial has just begun: what it takes until it trains is known from the one before."""
    todo = trials(3)
    pace = Pace(todo)

    def hear(trial, step, now, loss=math.nan, **news):
        pace.hear(Progress(trial.name, step, loss, **news), now)

    hear(todo[0], 0, 0.0, phase="importing jax")
    hear(todo[0], 0, 5.0, phase=compiling(todo[0].config))
    assert math.isnan(pace.left(20.0))
    hear(todo[0], 50, 25.0, 0.5)
    assert math.isnan(pace.left(26.0))  # one report is no rate
    hear(todo[0], 100, 30.0, 0.5)  # 50 steps in 5 s
    # The other two need 100 s each, and their program is known: nobody has said yet how long they take to begin.
    assert pace.left(30.0) == pytest.approx(90 + 2 * 100)
    hear(todo[0], 1000, 120.0, 0.5)
    hear(todo[0], 1000, 120.0, outcome="done")
    hear(todo[1], 0, 120.0, phase="starting")
    hear(todo[1], 0, 121.0, phase=compiling(todo[1].config))
    left = [pace.left(now) for now in range(121, 140)]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(200)
    hear(todo[1], 50, 140.0, 0.5)  # 20 s until here, for the third too; 950 steps are left, and 1000
    assert pace.left(140.0) == pytest.approx(95 + 20 + 100)
    # It is compiled again in the middle, where a trial that was resumed first measures: no rate, and no change.
    hear(todo[1], 100, 145.0, 0.5)
    before = pace.left(145.0)
    hear(todo[1], 100, 145.0, phase=compiling(todo[1].config))
    assert pace.left(165.0) == before
    hear(todo[1], 150, 165.0, 0.5)
    assert pace.left(165.0) == pytest.approx(before - 5, abs=1)


def test_a_program_that_has_not_run_is_thought_to_cost_what_its_length_tells(tmp_path, parsed):
    given = config.default()
    given.task.length, given.steps = 20, 1000
    short, long = Trial("short", parsed, tmp_path), Trial("long", config.parse(given, trace=False), tmp_path)
    pace = Pace([short, long])
    for step, now in ((50, 0.0), (100, 5.0)):
        pace.hear(Progress("short", step, 0.5), now)
    assert pace.left(5.0) == pytest.approx(90 + 400)  # four times the length, so four times the seconds
    # Side by side they take as long as the longer one.
    pace.hear(Progress("long", 0, math.nan, phase="starting"), 5.0)
    assert pace.left(5.0) == pytest.approx(400)
    assert pace.share == pytest.approx(100 / (1000 + 4000))
    for _ in range(2):  # the second time it has ended already
        pace.hear(Progress("short", 0, math.nan, "its process was killed"), 5.0)
    assert pace.left(5.0) == pytest.approx(400)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 10), (200, 50), (40, 3)])
def test_no_terminal_is_too_small_for_many_trials(trials, clock, width, height):
    todo = trials(40)
    console = terminal(width, height)
    display = Display([*todo, *(trial._replace(name=f"{trial.name}0") for trial in todo[:24])], todo, {}, console)
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
    assert all(re.match(r"lstm,forget_bias=\d+/seed\d+ ", line) for line in shown)


def test_names_are_short_and_never_cut_where_they_differ(tmp_path):
    def shortened(*points, skip=0):
        swept = study.resolve(config.default(), list(points), tmp_path)[skip:]
        return list(Display(swept, swept, {})._names.values())

    # `--only` leaves those of the second task, of which all say how time runs.
    assert shortened(
        {"task.name": "adding", "seed": 1},
        *({"task.name": "reverse", "cell.forget_bias": bias, "engine": "scan"} for bias in (0.0, 1.0)),
        {"task.name": "reverse", "cell.name": "rnn", "engine": "scan"},
        skip=1,
    ) == ["lstm,forget_bias=0", "lstm,forget_bias=1", "rnn"]
    policies = ("sparse(15, 0.95)", "sparse(15, 0.9)")
    assert shortened(*({"cell.recurrent_initializer": policy, "task.length": 8} for policy in policies)) == [
        "lstm,recurrent_initializer=sparse(15,0.95)",
        "lstm,recurrent_initializer=sparse(15,0.9)",
    ]
    assert shortened({"task.length": 8}, {"task.length": 16}) == ["lstm/T8", "lstm/T16"]
    assert shortened({}) == ["adding/lstm/T64/seed0"]
    assert shortened({"task.name": "reverse"}, {"task.name": "adding"}) == ["reverse/lstm", "adding/lstm"]


def test_elsewhere_there_are_lines_now_and_then_and_at_each_end(trials, clock, capsys):
    todo = trials(2)
    write_record(todo[1], loss=0.0625)
    with Display(todo, todo, {}, Console(file=io.StringIO())) as display:
        display.update(Progress(todo[0].name, 0, math.nan, phase="importing jax"))
        for step in range(0, 400, 50):
            clock.now += 3
            display.update(Progress(todo[0].name, step, math.nan if step == 0 else 0.5))
        display.update(Progress(todo[0].name, 0, math.nan, "timed out"))
        display.update(Progress(todo[1].name, 1000, math.nan, "done"))
    first, *middle, failed, done = capsys.readouterr().out.splitlines()
    at = "2026-11-29 12:00:00"
    assert first == f"{at} 0/2 trials done, 1 running, 1 waiting: {todo[0].name}: importing jax"
    # 50 steps in three seconds: 850 are left, and 1000 of the other.
    assert middle == [
        f"{at} 0/2 trials done, 1 running, 1 waiting, about 0:01:51 left: {todo[0].name}: step 150/1000, loss 0.5000",
        f"{at} 0/2 trials done, 1 running, 1 waiting, about 0:01:39 left: {todo[0].name}: step 350/1000, loss 0.5000",
    ]
    assert failed == f"{at} 0/2 trials done, 1 failed, 1 waiting, about 0:01:00 left: {todo[0].name}: timed out"
    assert done == f"{at} 1/2 trials done, 1 failed: {todo[1].name}: done, held-out loss 0.0625, reach 2/4"


@pytest.mark.parametrize(
    ("curve", "bars"),
    [
        ([-3.0], "█"),
        ([-3.0, -5.0], "█▅"),  # 1 %, half way down: of eight bars the fifth
        ([0.0, -4.0, -40.0], "█▁▁"),
        ([0.0, 0.5, 1.0], "███"),  # what grows is all of it
        ([0.0, -math.inf, math.nan], "█·"),  # nothing is there beyond the second step
        ([math.nan, 0.0, -2.0], " █▅"),
        ([-0.5 * k for k in range(100)], "█▁▁▁▁▁▁▁▁▁▁▁"),
        ([], ""),
        ([math.nan, math.nan], ""),
    ],
)
def test_bars_tell_what_is_left_of_the_gradient(curve, bars):
    assert sparkline(curve) == bars
