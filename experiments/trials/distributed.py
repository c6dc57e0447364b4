"""One trial on the devices of several processes.

Each process is started by the same command, with a number of its own. Process 0 runs the trial as if it were alone: it
alone has the trial's directory, measures, and decides. Before each dispatch of training steps it calls on the others to
take part (`leader_program`), and at last it tells them to leave (`run_leader`); that is all they do (`run_follower`).
So there is nothing to agree on: whatever ends the trial, be it a NaN, a signal or a full disk, ends it at the same step
for all.

A process that dies is missed by the sum over the devices that it has no part in, or else by its heartbeat. The others
then end too, and the same commands resume.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from experiments import build
from experiments.config import Config, ConfigError
from experiments.trials import signals
from rnnx.training import parallel
from rnnx.training.program import Hyperparameters, Program, StepMetrics, TrainState

ARRIVAL = 300
"""Seconds that processes wait for each other at the start."""
HEARTBEAT = 60
"""Seconds without a sign of life after which a process counts as dead."""

_BEGIN, _GO_ON, _END = range(3)
"""What process 0 calls for: training from a state that it sends, or from where all are; or to leave."""


class Processes(NamedTuple):
    """Processes that train together."""

    coordinator: str
    """host:port at which process 0 can be reached."""
    processes: int
    process: int
    """The number of this one, from 0."""


class LostError(Exception):
    """The processes no longer train together: one died, or failed alone."""


def initialize(processes: Processes) -> None:
    """Become one of the processes, once all are there. From now on SIGINT and SIGTERM ask for an end.

    If they are not, the process ends with status 2 after `ARRIVAL` seconds, and says so.

    Raises:
      ConfigError: process 0 can't listen at the address.
    """
    if processes.process == 0:
        _check_address(processes.coordinator)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM for itself
    patience = threading.Timer(ARRIVAL, _give_up, [processes])  # jax's own would end the process by SIGABRT
    patience.daemon = True
    patience.start()
    jax.distributed.initialize(
        processes.coordinator,
        processes.processes,
        processes.process,
        coordinator_bind_address=processes.coordinator,  # and not all addresses of this machine
        initialization_timeout=2 * ARRIVAL,
        heartbeat_timeout_seconds=HEARTBEAT,
        shutdown_timeout_seconds=HEARTBEAT,
    )
    patience.cancel()
    signals.install(signal.SIGINT, signal.SIGTERM)


def check_same_config(prepare: Callable[[], Config]) -> Config:
    """What `prepare` returns, if it returns the same in all processes.

    Raises:
      ConfigError: it returns something else in another one, or fails there.
    """
    digest = bytes(32)
    try:
        config = prepare()
        told = json.dumps([config.to_dict(), jax.__version__], sort_keys=True)
        digest = hashlib.sha256(told.encode()).digest()
    finally:  # others wait for it even if it failed
        digests = multihost_utils.process_allgather(np.frombuffer(digest, np.uint8))
    for process, other in enumerate(digests):
        if not other.any():
            raise ConfigError(f"process {process} could not begin; what it says tells why.")
        if other.tobytes() != digest:
            raise ConfigError(
                f"process {process} has other settings, or another version of jax, than this one: "
                "the commands may differ in --process only."
            )
    return config


def leader_program(program: Program, mesh: Mesh) -> Program:
    """A program of that mesh, to be called by process 0 as if there were no others."""

    def train(state: TrainState, given: Hyperparameters) -> tuple[TrainState, StepMetrics]:
        with _collective():
            if _is_replicated(state, mesh):
                _call(_GO_ON)
            else:
                _call(_BEGIN)
                state = _sent(state, mesh)
            return _trained(program, state, given)

    def measure(state: TrainState, seed: Any) -> dict[str, Any]:
        # As on one device, to the last bit: a diagnostic may look at all of its batch at once.
        return program.measure(parallel.local_copy(state) if _is_replicated(state, mesh) else state, seed)

    return program._replace(train=train, measure=measure)


def run_leader(work: Callable[[], int]) -> int:
    """Process 0: do the work, and have all leave with its exit status.

    Raises:
      whatever `work` raises.
    """
    status = 2
    try:
        status = work()
        return status
    except signals.Interrupted as stopped:
        status = stopped.status
        raise
    finally:
        with contextlib.suppress(LostError), _collective():
            if not _desynchronized:
                _call(_END, status)
        if _desynchronized:
            _abort(status)


def run_follower(config: Config) -> int:
    """Every other process: train when process 0 says so, and return the exit status that it tells in the end."""
    try:
        with _collective():
            return _follow(config)
    except Exception as error:  # whatever it is, process 0 can't go on without this one
        print(f"process {jax.process_index()}: {' '.join(str(error).split())}", file=sys.stderr)
        _abort(1)


def _follow(config: Config) -> int:
    mesh = parallel.mesh()
    program = build.program(build.program_key(config), mesh)
    given = build.hyperparameters(config)
    shapes = jax.eval_shape(program.init, given.seed)
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    while True:
        called, status = _call()
        if called == _END:
            return status
        if called == _BEGIN:
            state = _sent(state, mesh)
        state, _ = _trained(program, state, given)


def _trained(program: Program, state: TrainState, given: Hyperparameters) -> tuple[TrainState, StepMetrics]:
    return jax.block_until_ready(program.train(state, given))  # so that what goes wrong is raised here


def _call(what: int = _END, status: int = 0) -> tuple[int, int]:
    """What process 0 calls for, and an exit status. A signal that any of them received is one for process 0."""
    news = np.array([what, status, signals.requested()], np.int32)
    of_all = multihost_utils.process_allgather(news)
    if jax.process_index() == 0:
        signals.request(int(of_all[:, 2].max()))
    return int(of_all[0, 0]), int(of_all[0, 1])


def _sent(state: Any, mesh: Mesh) -> Any:
    """The state that process 0 has, on all devices; to the others their own only tells its shapes."""
    # As bytes: it is sent by adding zeros, and -0.0 + 0.0 is 0.0.
    host = jax.tree.map(np.asarray, state)
    sent = multihost_utils.broadcast_one_to_all(jax.tree.map(lambda leaf: leaf.reshape(-1).view(np.uint8), host))
    return parallel.replicate(
        jax.tree.map(lambda raw, leaf: np.asarray(raw).view(leaf.dtype).reshape(leaf.shape), sent, host), mesh
    )


def _is_replicated(state: TrainState, mesh: Mesh) -> bool:
    return isinstance(state.step, jax.Array) and state.step.sharding == parallel.replicated(mesh)


_desynchronized = False
"""Whether the processes are no longer at the same place, and so can't even say so."""


@contextlib.contextmanager
def _collective() -> Iterator[None]:
    """What all processes must do at the same time."""
    global _desynchronized
    try:
        yield
    except Exception as error:  # of several types, if another process has died
        if jax.process_count() == 1:
            raise
        _desynchronized = True
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LostError(f"the processes lost each other, run again to resume ({reason})") from error


def _check_address(coordinator: str) -> None:
    """That one can listen there, since jax would crash if not."""
    host, _, port = coordinator.rpartition(":")
    try:
        family, *_, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        socket.create_server(address, family=family).close()
    except OSError as error:
        raise ConfigError(f"--coordinator={coordinator}: can't listen there: {error.strerror}.") from None


def _give_up(processes: Processes) -> None:
    print(
        f"run: --coordinator={processes.coordinator}: the {processes.processes} processes did not find each other "
        f"within {ARRIVAL} s.",
        file=sys.stderr,
    )
    _abort(2)


def _abort(status: int) -> NoReturn:
    """Leave at once, which the others notice; an orderly end would wait for them, and they for this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
