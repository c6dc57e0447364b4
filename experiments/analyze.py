r"""Measure checkpoints: what takes too long to be measured in training, in double precision; and what models read.

Writes `<trial>/analysis/<diagnostic>.json` and a picture beside it, under `analysis/initial/` for
`--checkpoint=initial`, and both to TensorBoard. What has been measured at that step is not measured again.

Examples:

    # How the gradient is carried, in every finished trial of a study.
    python -m experiments.analyze --workdir=runs/gradient_flow \
        --diagnostics=lyapunov,jacobian_products
    # What surprises a model of language, and how far back it looks.
    python -m experiments.analyze --workdir=runs/shakespeare \
        --diagnostics=surprise,selective_units,loss_by_context
"""

from absl import flags

from experiments import cli


def main() -> int:
    """Measure the trial of `--workdir`, or all finished trials below it."""
    workdir = cli.workdir("say which trial or study to measure, for example --workdir=runs/gradient_flow")
    known = [*cli.names("rnnx", "diagnostics"), *cli.names("rnnx", "readings")]
    if not flags.FLAGS.diagnostics:
        cli.fail(f"--diagnostics is missing: one or several of {', '.join(sorted(known))}.")
    if flags.FLAGS.examples < 1:
        cli.fail(f"--examples must be at least 1, not {flags.FLAGS.examples}.")
    names = [
        cli.choice("--diagnostics", "diagnostic", name.strip(), known) for name in flags.FLAGS.diagnostics.split(",")
    ]

    from experiments.analysis import diagnose  # loads jax

    return diagnose.measure(workdir, names, flags.FLAGS.checkpoint, flags.FLAGS.examples)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a trial, or of a study: then its finished trials are measured.")
    known = ", ".join(sorted([*cli.names("rnnx", "diagnostics"), *cli.names("rnnx", "readings")]))
    flags.DEFINE_string("diagnostics", None, f"What to measure, one or several of {known}.")
    flags.DEFINE_enum("checkpoint", "latest", ["latest", "initial"], "Which parameters.")
    flags.DEFINE_integer("examples", 8, "Held-out examples of a diagnostic, at most those that the trial measures.")
    cli.start(main, required=("workdir", "diagnostics"))
