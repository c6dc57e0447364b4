"""Open TensorBoard on a study or a run, so that it compares: headline charts on top, a colour a cell, one length.

It serves on this machine alone, on the first free port from 6006 on or on --port, until Ctrl-C.

Examples:

    python -m experiments.board runs/gradient_flow
    python -m experiments.board --workdir=runs/gradient_flow --port=6010
"""

import contextlib
import difflib
import io
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from absl import flags

from experiments import cli

_HOST = "127.0.0.1"

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""As WSGI has it."""


def main() -> int:
    """Serve until Ctrl-C."""
    given = cli.positional()
    directory = cli.path(given[0]) if given else cli.workdir()
    if not directory.is_dir():
        beside = [path.name for path in directory.parent.glob("*") if path.is_dir()]
        near = difflib.get_close_matches(directory.name, beside, n=1)
        cli.fail(f"{directory} is not a directory{f'; did you mean {directory.parent / near[0]}?' if near else '.'}")
    runs = sorted(_runs(directory))
    if not runs:
        cli.fail(f"{directory} holds no run yet: no config.json of one in it or below it.")

    from rnnx.logbook.jsonl import first_record  # loads jax
    from rnnx.logbook.run_directory import METRICS
    from rnnx.report.board import link
    from rnnx.report.metrics import METRICS as HEADLINES
    from rnnx.report.metrics import pinned_tags

    recorded = (first_record(directory / run / METRICS) for run in runs)
    first = next(filter(None, recorded), {})
    pinned = pinned_tags(first) or [metric.tag for metric in HEADLINES if metric.pinned]
    links = link.links(runs, pinned)
    port = flags.FLAGS.port
    del flags.FLAGS.port  # TensorBoard defines one of its own
    address = _serve(directory, port, list(links.values()))
    if len(runs) >= link.MOST_RUNS_OF_ALL:
        print(
            f"board: of more than {link.MOST_RUNS_OF_ALL} runs TensorBoard selects none, and {directory} has "
            f"{len(runs)}: tick some, or open a directory below, such as {directory / Path(runs[0]).parent}.",
            file=sys.stderr,
        )
    for number, what in enumerate(links):
        print(f"{address}{number or ''}  {what}", flush=True)
    print("Ctrl-C ends it.", flush=True)
    threading.Event().wait()
    return 0


def _runs(directory: Path) -> Iterator[str]:
    """The names that TensorBoard gives to the runs of a directory."""
    for here, below, names in os.walk(directory):
        below[:] = [name for name in below if name != "checkpoints"]  # with many files and no runs
        if "config.json" in names:
            yield Path(here).relative_to(directory).as_posix()


def _serve(directory: Path, port: int | None, links: list[str]) -> str:
    """Start TensorBoard in a thread; its address, where `/` leads to the first of the links, `/1` to the second, …"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what TensorBoard imports
        from tensorboard import default, program

    def server(app: App, options: Any) -> program.TensorBoardServer:
        def redirecting(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            place = environment["PATH_INFO"].strip("/") or "0"
            if not environment["QUERY_STRING"] and place.isdigit() and int(place) < len(links):
                start("302 Found", [("Location", links[int(place)])])
                return []
            return app(environment, start)

        return program.create_port_scanning_werkzeug_server(redirecting, options)

    board = program.TensorBoard(default.get_plugins(), server_class=server)
    chosen = {} if port is None else {"port": port}
    board.configure(logdir=str(directory), host=_HOST, **chosen)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # a note that its usual way to load is an experiment
            return board.launch()
    except program.TensorBoardServerException as error:
        cli.fail(error.msg)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a study or of a run; it can be given without the flag, too.")
    flags.DEFINE_integer("port", None, "Where to serve; by default the first free port from 6006 on.", lower_bound=0)
    named = any(re.match(r"--?workdir(=|$)", argument) for argument in sys.argv[1:])
    cli.start(main, *(() if named else ("workdir",)))
