"""Tell two studies apart: what was set differently, and what came out differently by more than seeds do.

python -m experiments.compare runs/one runs/other

Prints a table and writes a page with figures, `--output`; nothing is written into the studies.
"""

from pathlib import Path

from absl import flags

from experiments import command


def main() -> int:
    """Compare the two directories given."""
    one, other = (Path(directory) for directory in command.positional())
    output = Path(flags.FLAGS.output)
    if one.resolve() == other.resolve():
        command.fail(f"{one} and {other} are the same directory.")
    if output.suffix not in (".html", ".htm"):
        command.fail(f"--output={output}: it is a page, so its name must end with .html.")

    from experiments import comparing  # loads jax, which takes seconds

    comparing.compare(one, other, output)
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("output", "compare.html", "File of the page.")
    command.start(main, "workdir", "workdir")
