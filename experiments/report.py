"""Make the report of a study: one HTML page, figures and tables.

python -m experiments.report --workdir=runs/gradient_flow
"""

from absl import flags

from experiments import command


def main() -> int:
    """Make the report of `--workdir`."""
    workdir = command.workdir()

    from experiments import reporting  # loads jax

    return reporting.make(workdir)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a study or of a single trial; the report is put into it.")
    command.start(main)
