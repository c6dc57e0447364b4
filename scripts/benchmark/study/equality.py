"""Whether the scripts measure what rnnx measures: same weights, same examples, same gradient at every step of time."""

import functools
from collections.abc import Mapping, Sequence

import jax
import numpy as np

import rnnx
from rnnx.training import program
from scripts.benchmark import questions
from scripts.benchmark.layers.equality import UnequalError
from scripts.benchmark.questions import Arrays
from scripts.benchmark.study.spec import Study

LENGTH = 16
# Of log10 ‖∂L/∂s_t‖ and of the loss. float32 rounds to 6e-8, and 16 steps of sums over 64 terms, exp and tanh bring
# that to some 1e-6. A wrong gate order, or c's gradient with its way through h, is above 1e-2 (test_study.py).
TOLERANCE = 1e-4


def check(study: Study, libraries: Sequence[str]) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, str]]]:
    """Compare every cell of the study in every script.

    Returns:
      ({library: {cell: largest difference}}, {library: versions}).

    Raises:
      UnequalError: a script measures something else.
      WorkerError: a script can't be run.
    """
    posed = {cell: reference_problem(cell, study) for cell in study.cells}
    differences: dict[str, dict[str, float]] = {}
    versions: dict[str, dict[str, str]] = {}
    for library in libraries:
        given, versions[library] = query(library, {cell: question for cell, (question, _) in posed.items()})
        differences[library] = {
            cell: difference(given[cell], wanted, f"{library}'s {cell}") for cell, (_, wanted) in posed.items()
        }
    return differences, versions


def reference_problem(cell_name: str, study: Study) -> tuple[Arrays, Arrays]:
    """Weights of a cell and a held-out batch of the adding problem; and the loss and log10 norms that rnnx measures.

    Biases are not zero, so that none can be missing or in another's place; but for d of the GRU, which Flax lacks.
    """
    task = rnnx.tasks.get("adding")()
    model = functools.partial(rnnx.models.get("sequence"), rnnx.cells.get(cell_name)(study.hidden), task)
    params = program.split(model, jax.random.key(0))[1]
    cell = params["cells"]["cell"]
    params["cells"]["cell"] = cell = cell._replace(
        bias=cell.bias + 0.3 * jax.random.normal(jax.random.key(1), cell.bias.shape)
    )
    params["readout"]["bias"] = params["readout"]["bias"] + 0.5
    batch = program.heldout_batch(task, 0, study.heldout, LENGTH)
    apply = program.applying(model)
    flow = jax.jit(lambda params, batch: program.measured_flows(apply, task, params, batch)[1]["cell"])(params, batch)
    posed = {
        "input_kernel": cell.input_kernel,
        "recurrent_kernel": cell.recurrent_kernel,
        "bias": cell.bias,
        "readout_kernel": params["readout"]["kernel"],
        "readout_bias": params["readout"]["bias"],
        "xs": batch.inputs,
        "targets": batch.targets[-1, :, 0],
    }
    return jax.tree.map(np.asarray, (posed, {"loss": flow.loss, "norms": flow.log10_state_norm}))


def query(library: str, posed: Mapping[str, Arrays]) -> tuple[dict[str, Arrays], dict[str, str]]:
    """What a library's script measures for each cell, and the library's versions."""
    return questions.ask("scripts.benchmark.study.outputs", library, posed)


def difference(given: Arrays, wanted: Arrays, name: str) -> float:
    """The largest difference in the loss and in log10 ‖∂L/∂s_t‖.

    Raises:
      UnequalError: it is above `TOLERANCE`, or shapes differ.
    """
    worst = 0.0
    for what in ("loss", "norms"):
        if given[what].shape != wanted[what].shape:
            raise UnequalError(f"{name}: {what} has shape {given[what].shape} instead of {wanted[what].shape}")
        found = float(np.max(np.abs(given[what].astype(np.float64) - wanted[what])))
        if not found <= TOLERANCE:
            raise UnequalError(f"{name}: {what} differs by {found:.1e} (tolerance {TOLERANCE:g})")
        worst = max(worst, found)
    return worst
