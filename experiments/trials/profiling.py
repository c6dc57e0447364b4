"""A trace of some dispatches of a trial: what the host and the device did, and when.

It can be opened at ui.perfetto.dev (`perfetto_trace.json.gz`) and on TensorBoard's Profile page; see docs/profiling.md.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax


class Profile:
    """Traces the dispatches from `first` on, so many of them; the one before compiles.

    with Profile(trial.directory / "profile") as profile:
        while ...:
            with profile.dispatch(step):
                state, metrics = jax.device_get(program.train(state, given))
    """

    def __init__(self, directory: Path | None, first: int = 2, dispatches: int = 2):
        """Write the trace below a directory; `None` for no trace."""
        self._directory = directory
        self._first, self._last = first, first + dispatches - 1
        self._count = 0
        self._tracing = False

    @contextlib.contextmanager
    def dispatch(self, step: int) -> Iterator[None]:
        """Around one dispatch, the wait for its result included; `step` is its name in the trace."""
        self._count += 1
        if self._directory and self._count == self._first:
            options = jax.profiler.ProfileOptions()
            options.python_tracer_level = 0  # every call of every function, of which pictures make a million
            jax.profiler.start_trace(str(self._directory), create_perfetto_trace=True, profiler_options=options)
            self._tracing = True
        with jax.profiler.StepTraceAnnotation("dispatch", step_num=step) if self._tracing else contextlib.nullcontext():
            yield
        if self._count == self._last:
            self.close()

    def close(self) -> None:
        """Write the trace, if one is under way."""
        if self._tracing:
            self._tracing = False
            jax.profiler.stop_trace()

    def __enter__(self) -> "Profile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
