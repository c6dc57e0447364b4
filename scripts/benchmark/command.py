"""What the commands that time whole commands share: where the record goes, and how they end."""

import sys
from collections.abc import Callable
from pathlib import Path

from scripts.benchmark.interpreters import PEERS, WorkerError
from scripts.benchmark.layers.equality import UnequalError
from scripts.benchmark.parser import Parser


def add_flags(parser: Parser, out: str) -> None:
    """`--peers`, and `--out` with its default."""
    parser.add_argument("--peers", help=f"of {', '.join(PEERS)}: all that are installed")
    parser.add_argument("--out", type=Path, default=Path(out), help="the record, %(default)s; the page goes beside it")


def check_out(parser: Parser, out: Path) -> None:
    """That a page can go beside the record."""
    if out.suffix != ".json":
        parser.error(f"--out={out} must be a .json file.")


def status(parser: Parser, run: Callable[[], int]) -> int:
    """What a run gives; what goes wrong in it is one line and status 2, an interruption 130."""
    try:
        return run()
    except (UnequalError, WorkerError) as error:
        parser.error(str(error))
    except OSError as error:  # no room, no permission
        parser.error(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return 130
