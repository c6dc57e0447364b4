"""The table of all tasks: what stands in a row is what the record says."""

import json

from rnnx.report import study
from scripts import all_tasks
from tests.report.records import write_trial


def row(page, task, network):
    (found,) = [line for line in page.splitlines() if line.startswith(f"| {task} |") and f"| {network} |" in line]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_row_has_medians_and_ranges_over_seeds_and_what_is_published(tmp_path):
    for seed, loss in enumerate((0.1, 0.12, 0.3)):
        where = tmp_path / f"lstm{seed}"
        tested = {"test/last/frame_accuracy": 0.1 * (seed + 1), "test/last/loss": 8.0 + seed}
        write_trial(where, cell="lstm", task="polyphony", seed=seed, loss=loss, floor=0.2, extra=tested)
        done = json.loads((where / "DONE.json").read_text())
        (where / "DONE.json").write_text(json.dumps(done | {"seconds_of_last_session": 10 * (seed + 1)}))
    write_trial(tmp_path / "rnn", cell="rnn", slopes=(-0.5, -0.25))
    page = all_tasks.page(study.read(tmp_path), tmp_path)
    assert "4 trials, seeds 0, 1, 2" in page
    lstm = row(page, "polyphony", "lstm")
    assert lstm[1:4] == ["8", "lstm", "2 of 3"]
    assert lstm[4:6] == ["0.120 (0.100 … 0.300)", "0.200"]
    assert lstm[6:8] == ["frame accuracy 0.200 (0.100 … 0.300)", "−0.250"]
    assert lstm[10:] == ["20.0", "8.45 on JSB, 3.29 on Nottingham (Bai et al. 2018)"]
    rnn = row(page, "adding", "rnn")
    assert (rnn[6], rnn[11]) == ("–", "")
    width = {line.count("|") for line in page.splitlines() if line.startswith("|")}
    assert width == {13}
