"""Make the report of a study: one HTML page, figures and tables.

It is put into the workdir, where TensorBoard's view of the study is drawn anew too, or into the directory --output. A
trial or a sweep makes it at its end by itself.

Examples:

    python -m experiments.report --workdir=runs/gradient_flow
    python -m experiments.report --workdir=runs/gradient_flow --output=page
"""

from pathlib import Path

from absl import flags

from experiments import cli


def main() -> int:
    """Make the report of `--workdir`."""
    workdir = cli.workdir("say what to report on, for example --workdir=runs/gradient_flow")
    output = Path(flags.FLAGS.output).expanduser() if flags.FLAGS.output else workdir / "report"
    if output.suffix in (".html", ".htm"):
        cli.fail(f"--output={output}: a report is a directory, of a page with its figures and tables.")

    from rnnx.report import board, study, terminal  # loads jax
    from rnnx.report.board import link

    terminal.report(workdir, output)
    if not flags.FLAGS.output:  # else nothing in the workdir is touched
        board.write(study.read(workdir), workdir, sections=True)
    print(f"TensorBoard: {link.command(workdir)}")
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a study or of a single trial.")
    flags.DEFINE_string("output", None, "Directory of the report; <workdir>/report if it is not given.")
    cli.start(main, required=("workdir",))
