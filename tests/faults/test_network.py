"""R2 and R16: a run does the same whenever it is run, and waits for nobody on the network."""

import os
import socket

import pytest

from tests.faults import processes, trials


def test_what_listens_is_found():
    """The detector itself: it sees a socket of this process, and whether others can reach it."""
    with socket.create_server(("127.0.0.1", 0)) as inside, socket.create_server(("0.0.0.0", 0)) as outside:
        found = processes.listening([os.getpid()])
        assert f"127.0.0.1:{inside.getsockname()[1]}" in found
        reached = f"0.0.0.0:{outside.getsockname()[1]}"
        assert reached in processes.beyond_loopback(found)
        assert f"127.0.0.1:{inside.getsockname()[1]}" not in processes.beyond_loopback(found)
    assert reached not in processes.listening([os.getpid()])


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes_and_listens_nowhere(straight, tmp_path, survived):
    looked = set()
    with processes.started("run", *trials.ONE, f"--workdir={tmp_path}") as process:

        def look_at_every_checkpoint():
            moment = trials.newest(tmp_path)
            if moment not in looked:
                assert processes.listening(processes.family(process)) == []
                looked.add(moment)
            return (tmp_path / "DONE.json").exists()

        processes.wait(process, look_at_every_checkpoint)
        process.communicate(timeout=60)
    assert len(looked) > 5
    survived("R16", "looks at what listens during a run", len(looked))
    assert (tmp_path / "metrics.jsonl").read_bytes() == (straight / "metrics.jsonl").read_bytes()
    assert trials.outcome(tmp_path) == trials.outcome(straight)
    survived("R2", "a run again in another process")
