"""Tell two studies apart: what was set differently, and what came out differently by more than seeds do.

Prints a table and writes a page with figures, `--output`; nothing is written into the studies.

Examples:

    python -m experiments.compare runs/one runs/other
    python -m experiments.compare runs/one runs/other --output=apart.html
"""

from absl import flags

from experiments import cli


def main() -> int:
    """Compare the two directories given."""
    one, other = (cli.path(directory) for directory in cli.positional())
    output = cli.path(flags.FLAGS.output)
    if one.resolve() == other.resolve():
        cli.fail(f"{one} and {other} are the same directory.")
    if output.suffix not in (".html", ".htm"):
        cli.fail(f"--output={output}: it is a page, so its name must end with .html.")

    from rnnx.report import terminal  # loads jax, which takes seconds

    terminal.compare(one, other, output)
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("output", "compare.html", "File of the page.")
    cli.start(main, "workdir", "workdir")
