"""What each network of a study looks back at."""

import json

import numpy as np
import pytest

from rnnx import examples
from rnnx.report import study
from rnnx.report.figures import state_gradient_on_data
from rnnx.report.on_data import _cells
from rnnx.types import Batch
from tests.report.on_data.test_on_data import painted, row
from tests.report.records import write_trial

T = 8
ADDING = examples.sequence(Batch(np.zeros((T, 1, 1)), None, np.ones((T, 1))), (1, 5))
TAG = "state_gradient/on_data"


def falling(rho, steps=T, last=-3.0):
    return (last + np.log10(rho) * np.arange(steps - 1, -1, -1)).tolist()


def write(directory, example=ADDING, extra=None, **options):
    write_trial(directory, extra=extra, **options)
    if example is not None:
        (directory / "example.json").write_text(json.dumps(example._asdict()))


def leave_parts(directory):
    """Of a model with several parts nothing is told as of one that is the only one."""
    path = directory / "metrics.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{tag: v for tag, v in record.items() if not tag.startswith("state_gradient/")} for record in records]
    path.write_text("".join(json.dumps(record) + "\n" for record in kept))


def shades(*relative):
    return _cells.SHADES(1 + np.array(relative) / 4)


def test_a_row_for_each_variant_of_one_seed_at_the_longest_length(tmp_path):
    for cell, rho in (("rnn", 0.5), ("gru", 0.9)):
        for seed in (3, 4):
            # Whatever the size of the error, that at the last step is all of it.
            write(tmp_path / f"{cell}{seed}", cell=cell, seed=seed, extra={TAG: falling(rho, last=-seed)})
            write(tmp_path / f"{cell}{seed}short", cell=cell, seed=seed, length=4, extra={TAG: falling(rho, 4)})
    figure = state_gradient_on_data.draw(study.read(tmp_path), "adding")
    assert figure.get_suptitle() == "adding, T = 8: what each network looks back at, after 20 steps, seed 3"
    assert [axes.get_label() for axes in figure.axes] == ["gru", "rnn", "scale"]
    for cell, rho in (("rnn", 0.5), ("gru", 0.9)):
        _, colors = painted(row(figure, cell))
        np.testing.assert_allclose(colors, shades(*np.log10(rho) * np.arange(7, -1, -1)))


def test_padding_is_not_shown(tmp_path):
    example = ADDING._replace(steps={"": 5}, scored=4, marks=[1])
    write(tmp_path / "a", example, {TAG: [*falling(0.5, 5), *[np.nan] * 3]})
    boxes, colors = painted(row(state_gradient_on_data.draw(study.read(tmp_path), "adding"), "rnn"))
    assert len(boxes) == 5
    np.testing.assert_allclose(colors[-1], shades(0.0)[0])


def test_what_is_read_and_what_is_written_are_one_row(tmp_path):
    example = examples.translation("abc", "cba")
    extra = {f"encoder/{TAG}": [-4.0, -3.0, -2.0, np.nan], f"decoder/{TAG}": [-2.0, -1.5, -1.0]}
    curves = {f"{part}/state_gradient/state/log10_norm": [-1.0, -2.0] for part in ("encoder", "decoder")}
    for cell in ("gru", "lstm"):
        write(tmp_path / cell, example, extra | curves, cell=cell, parts=())
        leave_parts(tmp_path / cell)
    figure = state_gradient_on_data.draw(study.read(tmp_path), "adding")
    assert [axes.get_label() for axes in figure.axes] == ["gru", "lstm", "scale"]
    _, colors = painted(row(figure, "gru"))
    np.testing.assert_allclose(colors, shades(-3, -2, -1, -1, -0.5, 0))


def test_layers_have_rows_of_their_own(tmp_path):
    layers = {f"layer{n}/{TAG}": falling(rho) for n, rho in enumerate((0.5, 0.9))}
    curves = {f"layer{n}/state_gradient/state/log10_norm": [-1.0, -2.0] for n in (0, 1)}
    write(tmp_path / "a", extra=layers | curves)
    leave_parts(tmp_path / "a")
    figure = state_gradient_on_data.draw(study.read(tmp_path), "adding")
    assert [axes.get_label() for axes in figure.axes] == ["rnn (part layer0)", "rnn (part layer1)", "scale"]


def test_layers_of_what_reads_and_what_writes_go_together(tmp_path):
    example = examples.translation("abc", "cba")
    parts = [f"{side}/layer{n}" for side in ("encoder", "decoder") for n in (0, 1)]
    curves = {f"{part}/{TAG}": [-3.0 - n, -2.0 - n, -1.0] for n, part in enumerate(parts)}
    whole = {f"{part}/state_gradient/state/log10_norm": [-1.0, -2.0] for part in parts}
    write(tmp_path / "a", example, curves | whole)
    leave_parts(tmp_path / "a")
    figure = state_gradient_on_data.draw(study.read(tmp_path), "adding")
    rows = [f"rnn, encoder/layer{n} and decoder/layer{n}" for n in (0, 1)]
    assert [axes.get_label() for axes in figure.axes] == [*rows, "scale"]
    _, colors = painted(row(figure, rows[1]))
    np.testing.assert_allclose(colors, _cells.SHADES(np.clip(1 + np.array([-3, -2, 0, -5, -4, 0]) / 4, 0, 1)))


def test_networks_of_another_example_are_not_put_beside_it(tmp_path):
    for n, cell in enumerate(("gru", "lstm", "rnn")):
        example = ADDING if n else ADDING._replace(marks=[0, 6])
        write(tmp_path / cell, example, {TAG: falling(0.9)}, cell=cell)
    figure = state_gradient_on_data.draw(study.read(tmp_path), "adding")
    assert [axes.get_label() for axes in figure.axes] == ["lstm", "rnn", "scale"]


@pytest.mark.parametrize(
    ("example", "extra"),
    [(None, {TAG: falling(0.9)}), (ADDING, {}), (ADDING, {TAG: falling(0.9, 5)})],
    ids=["no example", "no gradient", "of another model"],
)
def test_without_numbers_or_data_there_is_no_figure(tmp_path, example, extra):
    write(tmp_path / "a", example, extra)
    assert state_gradient_on_data.draw(study.read(tmp_path), "adding") is None


def test_a_trial_that_was_not_trained_yet_is_shown_before_training(tmp_path):
    write(tmp_path / "a", extra={TAG: falling(0.9)}, measured=1, status="unfinished")
    title = state_gradient_on_data.draw(study.read(tmp_path), "adding").get_suptitle()
    assert title == "adding, T = 8: what each network looks back at, before training, seed 0"
