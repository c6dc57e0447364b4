"""Measure checkpoints: what takes too long to be measured in training, in double precision.

python -m experiments.analyze --workdir=runs/gradient_flow --measure=lyapunov,jacobian_products

Writes `<trial>/analysis/<measure>.json` and a picture beside it, under `analysis/initial/` for `--checkpoint=initial`,
and both to TensorBoard. What has been measured at that step is not measured again.
"""

from absl import flags

from experiments import command

_FOR_FIGURES = ("trajectories", "wall")
"""As `experiments.analysis.FOR_FIGURES` has them."""


def main() -> int:
    """Measure the trial of `--workdir`, or all finished trials below it."""
    workdir = command.workdir()
    known = [*command.names("rnnx", "diagnostics"), *_FOR_FIGURES]
    if not flags.FLAGS.measure:
        command.fail(f"--measure is missing: one or several of {', '.join(sorted(known))}.")
    if flags.FLAGS.examples < 1:
        command.fail(f"--examples must be at least 1, not {flags.FLAGS.examples}.")
    names = [command.choice("--measure", "measurement", name.strip(), known) for name in flags.FLAGS.measure.split(",")]

    from experiments import measuring  # loads jax

    return measuring.measure(workdir, names, flags.FLAGS.checkpoint, flags.FLAGS.examples)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a trial, or of a study: then its finished trials are measured.")
    flags.DEFINE_string("measure", None, "Names of rnnx.diagnostics with commas between, for example 'lyapunov,gates'.")
    flags.DEFINE_enum("checkpoint", "latest", ["latest", "initial"], "Which parameters.")
    flags.DEFINE_integer("examples", 8, "Held-out examples, at most those that the trial itself measures.")
    command.start(main)
