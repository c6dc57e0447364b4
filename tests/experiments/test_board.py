"""The command that opens TensorBoard: where it leads to, and mistakes."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from urllib.parse import unquote

import pytest

from rnnx.report.board import link
from tests.experiments.commands import command, run
from tests.report.records import write_trial


def runs(tasks=("adding",), cells=("rnn", "gru"), lengths=(8, 64), seeds=range(2)):
    return [f"{task}/{cell}/T{T}/seed{seed}" for task in tasks for cell in cells for T in lengths for seed in seeds]


def parts(address):
    """Pinned tags, and the patterns by which runs are shown and coloured."""
    query, _, rest = unquote(address).partition("#")
    given = dict(pair.split("=", 1) for pair in query.removeprefix("/?").split("&"))
    assert given["smoothing"] == "0"
    shown = given.get("runFilter")
    assert rest == ("timeseries" if shown is None else f"timeseries&regexInput={shown}")
    return [pin["tag"] for pin in json.loads(given["pinnedCards"])], shown, given.get("runColorGroup")


def test_a_link_shows_one_length_of_one_task_and_the_study_and_a_colour_for_each_cell():
    names = runs(tasks=("adding", "characters"), cells=("rnn", "lstm,forget_bias=0", "lstm,forget_bias=1"))
    links = link.links([*names, "another"], ["heldout/loss", "state_gradient/state/reach"])
    assert list(links) == ["adding, T = 64", "adding, T = 8", "characters, T = 64", "characters, T = 8"]
    pinned, shown, color = parts(links["characters, T = 8"])
    assert pinned == ["heldout/loss", "state_gradient/state/reach"]
    selected = [name for name in [*names, "_study"] if re.search(shown, name)]
    assert selected == [*(n for n in names if n.startswith("characters/") and "/T8/" in n), "_study"]
    groups = [re.search(color.removeprefix("regex:"), name)[1] for name in names]
    assert groups == [name.split("/")[1] for name in names]


def test_a_link_below_a_task_has_no_task():
    names = [name.removeprefix("adding/") for name in runs()]
    _, shown, _ = parts(link.links(names, [])["T = 64"])
    assert [name for name in names if re.search(shown, name)] == [name for name in names if "/T64/" in name]


@pytest.mark.parametrize(("cells", "seeds", "few"), [(4, 30, 9), (2, 19, 19), (2, 20, 19), (60, 2, 1)])
def test_a_link_shows_as_many_seeds_as_pages_select(cells, seeds, few):
    """Above 40 runs they select none; where one seed alone is too much there is no better link."""
    names = runs(cells=[f"cell{n}" for n in range(cells)], seeds=range(seeds))
    _, shown, _ = parts(link.links(names, [])["adding, T = 8"])
    selected = [name for name in names if re.search(shown, name)]
    assert selected == [name for name in names if "/T8/" in name and int(name.rpartition("seed")[2]) < few]
    assert len(selected) < link.MOST_RUNS or few == 1


def test_of_runs_that_no_sweep_has_named_all_are_shown():
    assert parts(link.links([".", "one"], ["heldout/loss"])["all runs"]) == (["heldout/loss"], None, None)


def test_the_address_leads_to_the_link_and_other_pages_stay(tmp_path):

    for T in (4, 8):
        write_trial(tmp_path / "adding" / "rnn" / f"T{T}" / "seed0", length=T)
    given = command("board", f"--workdir={tmp_path}", "--port=0")
    process = subprocess.Popen(**given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/  adding, T = 8\n", lines[0])
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/1  adding, T = 4\n", lines[1])
        address = lines[0].split()[0]
        opener = urllib.request.build_opener(Stay)
        for place, length in (("", 8), ("1", 4)):
            with pytest.raises(urllib.error.HTTPError) as answer:
                opener.open(address + place)
            assert answer.value.code == 302
            pinned, shown, _ = parts(answer.value.headers["Location"])
            assert shown == f"/T{length}/|_study"
            assert pinned == ["heldout/loss", "state_gradient/state/reach", "state_gradient/state/decay_rate"]
            answer.value.close()
        assert opener.open(address + "?smoothing=0").status == 200
        taken = run("board", str(tmp_path), f"--port={address.split(':')[2].strip('/')}")
        assert taken.returncode == 2
        assert "already in use" in taken.stderr
        assert len(taken.stderr.splitlines()) == 1
    finally:
        process.terminate()
        process.communicate()


class Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere, so that it can be seen where it would lead."""

    def redirect_request(self, *given):
        return None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "workdir is missing: give <workdir>."),
        (["{}/stud"], "stud is not a directory; did you mean {}/study?"),
        (["{}/study"], "study holds no run yet: no config.json of one in it or below it."),
        (["--workdir={}/nowhere/at/all"], "all is not a directory."),
        (["{}/study", "another"], "unexpected argument 'another'"),
    ],
)
def test_a_mistake_is_answered_by_one_line(tmp_path, arguments, message):
    (tmp_path / "study").mkdir()
    done = run("board", *(argument.format(tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert message.format(tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1
