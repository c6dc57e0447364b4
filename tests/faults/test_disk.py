"""R8: a disk that is really full."""

import re

from tests.experiments.commands import run
from tests.faults import disk, processes, trials


def test_a_full_disk_stops_a_run_with_a_clear_line_and_it_goes_on_when_there_is_room(
    straight, tmp_path, often, survived
):
    times = often(1, 5)
    with disk.small(tmp_path / "disk", megabytes=16) as small:
        directory = small / "trial"
        arguments = (*trials.ONE, f"--workdir={directory}")
        for moment in [60 * (number + 1) for number in range(times)]:
            with processes.started("run", *arguments) as process:
                processes.wait(process, lambda moment=moment: trials.at(directory, moment))
                ballast = disk.fill(small)
                output, errors = process.communicate(timeout=60)  # no hang
            assert process.returncode == 1, errors
            # Threads of tensorstore may still tell, with a traceback, that orbax has closed the loop they report to.
            assert not re.search('File ".*experiments/', output + errors)
            (line,) = [line for line in output.splitlines() if line.startswith("trial failed: ")]
            assert "No space left on device" in line
            assert not (directory / "DONE.json").exists()
            assert trials.newest(directory) >= moment
            ballast.unlink()
        done = run("run", *arguments)
        assert done.returncode == 0, done.stderr
        assert "damaged" not in done.stderr  # what was there before was whole
        assert trials.outcome(directory) == trials.outcome(straight)
    survived("R8", "the disk filled during a run", times)


def test_a_disk_that_is_full_from_the_start_is_named_in_one_line(tmp_path, survived):
    with disk.small(tmp_path / "disk", megabytes=1) as small:
        ballast = disk.fill(small)
        done = run("run", *trials.ONE, f"--workdir={small / 'trial'}")
        assert done.returncode in (1, 2)
        assert "No space left on device" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        ballast.unlink()
    survived("R8", "the disk full from the start")
