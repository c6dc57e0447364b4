"""Checkpoints with orbax: atomic, and verified leaf by leaf on the way back.

Orbax commits a step by a rename, so a kill leaves the earlier steps whole, but it does not notice every flipped bit, a
wrong dtype, or an empty folder with a number for a name. So each leaf's sha256, dtype and shape are kept beside the
arrays, with the step and a sha256 of this account itself. A step that does not agree with its account is renamed
`<step>.corrupt`, and the one before it is used.
"""

import hashlib
import itertools
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp


class CheckpointError(Exception):
    """A checkpoint is of another model; the message names the arrays."""


class Checkpoints:
    """Save and restore the training state of one run.

    >>> import tempfile
    >>> checkpoints = Checkpoints(Path(tempfile.mkdtemp()))
    >>> checkpoints.save(10, {"w": jax.numpy.ones(3)})
    >>> checkpoints.restore_latest({"w": jax.numpy.zeros(3)})
    (10, {'w': Array([1., 1., 1.], dtype=float32)})
    """

    def __init__(self, directory: Path, keep: int = 2, read_only: bool = False):
        """Open `directory`; the newest `keep` steps are kept, so that there is one to fall back on.

        With `read_only` nothing in it is changed, so that one may look while a trial runs.
        """
        logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax reports every save, and what it raises anyway
        # When a save fails its threads still report to an event loop that orbax has closed, with a traceback each.
        logging.getLogger("concurrent.futures").setLevel(logging.CRITICAL)
        self._directory = directory.absolute()
        self._read_only = read_only
        access = (
            {"read_only": True, "save_interval_steps": 0}
            if read_only
            else {"max_to_keep": keep, "cleanup_tmp_directories": True}
        )
        if not read_only:
            self._directory.mkdir(parents=True, exist_ok=True)
        # Where several processes train together, one has the directory, and orbax need not wait for the others.
        here = jax.process_index()
        only_here = ocp.options.MultiprocessingOptions(primary_host=here, active_processes={here})
        # Synchronous: an asynchronous save would report a full disk only later, when its step is already listed.
        self._options = ocp.CheckpointManagerOptions(
            enable_async_checkpointing=False, create=False, multiprocessing_options=only_here, **access
        )
        self._manager = ocp.CheckpointManager(self._directory, options=self._options)

    def save(self, step: int, state: Any) -> None:
        """Commit a state.

        Raises:
          CheckpointError: there is already a step as late as this one.
        """
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(_present(state)), leaves=ocp.args.JsonSave(_account(step, state))
        )
        if not self._manager.save(step, args=args):
            raise CheckpointError(f"step {step} was not saved in {self._directory}: there is a step as late as that.")

    def restore_latest(self, like: Any, at_most: int | None = None) -> tuple[int, Any] | None:
        """The newest step that is whole, and its state; `None` if there is none.

        Args:
          like: a state (or its shapes) of the structure, shapes and dtypes to be restored.
          at_most: the newest step that may be taken.

        Raises:
          CheckpointError: the checkpoint is of another model.
        """
        abstract = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), like)
        steps = (step for step in self.steps() if at_most is None or step <= at_most)
        for step in sorted(steps, reverse=True):
            try:
                leaves = self._account(step)
            except Exception as error:  # whatever a damaged folder makes orbax raise
                self._set_aside(step, error)
                continue
            _check_same_model(leaves, abstract, self._directory / str(step))
            try:
                restored = self._manager.restore(
                    step, args=ocp.args.Composite(state=ocp.args.StandardRestore(_present(abstract)))
                )
                state = like._replace(**restored["state"]) if hasattr(like, "_replace") else restored["state"]
            except Exception as error:
                self._set_aside(step, error)
                continue
            changed = [name for name, leaf in _fingerprint(state).items() if leaf != leaves[name]]
            if not changed:
                return step, state
            self._set_aside(step, f"{', '.join(changed)} changed on disk")
        return None

    def read(self, step: int | None = None) -> tuple[int, dict[str, np.ndarray]] | None:
        """The arrays of a step, or of the newest one, that is whole, by name and whatever they are of; `None` without.

        >>> import tempfile
        >>> checkpoints = Checkpoints(Path(tempfile.mkdtemp()))
        >>> checkpoints.save(10, {"params": {"w": jax.numpy.ones(3)}})
        >>> checkpoints.read()
        (10, {'params/w': array([1., 1., 1.], dtype=float32)})
        """
        for found in sorted(self.steps(), reverse=True):
            if step is not None and step != found:
                continue
            try:
                leaves = self._account(found)
                state = self._manager.restore(found, args=ocp.args.Composite(state=ocp.args.StandardRestore()))["state"]
            except Exception as error:  # whatever a damaged folder makes orbax raise
                self._set_aside(found, error)
                continue
            if _fingerprint(state) == leaves:
                return found, {name: np.asarray(leaf) for name, leaf in by_name(state).items()}
            self._set_aside(found, "it changed on disk")
        return None

    def steps(self) -> list[int]:
        """Those that there is a checkpoint of, whole or not."""
        return list(self._manager.all_steps())

    def discard_after(self, step: int | None) -> None:
        """Delete what is later than a step, all if `None`: it will be made again."""
        for later in self.steps():
            if step is None or later > step:
                self._manager.delete(later)

    def _account(self, step: int) -> dict[str, dict[str, Any]]:
        """What the account of a step says of its arrays; raises where it is damaged."""
        account = self._manager.restore(step, args=ocp.args.Composite(leaves=ocp.args.JsonRestore()))["leaves"]
        return _arrays(account, step)

    def _set_aside(self, step: int, why: object) -> None:
        folder = self._directory / str(step)
        reason = str(why).splitlines()[0] if str(why) else type(why).__name__
        if self._read_only:
            warnings.warn(f"checkpoint {folder} is damaged: {reason}", stacklevel=3)
            return
        # It may have been damaged before, and made again.
        names = (f"{step}.corrupt{number or ''}" for number in itertools.count())
        aside = next(path for path in map(folder.with_name, names) if not path.exists())
        warnings.warn(f"checkpoint {folder} is damaged and set aside as {aside.name}: {reason}", stacklevel=3)
        self._manager.close()
        folder.rename(aside)
        self._manager = ocp.CheckpointManager(self._directory, options=self._options)


def _present(state: Any) -> Any:
    """A named tuple without the fields that are `None`, as a dictionary, which to orbax is the same.

    So a field that was added since does not make a checkpoint one of something else, as long as there is nothing in it.
    """
    if not hasattr(state, "_asdict"):
        return state
    return {name: value for name, value in state._asdict().items() if value is not None}


def by_name(state: Any) -> dict[str, Any]:
    """The arrays of a state by the names that checkpoints give them.

    >>> by_name({"params": {"w": 1}, "step": 2})
    {'params/w': 1, 'step': 2}
    """
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _account(step: int, state: Any) -> dict[str, Any]:
    account = {"step": step, "arrays": _fingerprint(state)}
    return account | {"sha256": _digest(account)}


def _arrays(account: Any, step: int) -> dict[str, dict[str, Any]]:
    """What an account says of the arrays; `ValueError` if it is damaged itself, or that of another step."""
    if not (isinstance(account, dict) and account.keys() == {"step", "arrays", "sha256"}):
        raise ValueError("it has no account of its arrays")
    if _digest({name: account[name] for name in ("step", "arrays")}) != account["sha256"]:
        raise ValueError("the account of its arrays changed on disk")
    if account["step"] != step:
        raise ValueError(f"it is the checkpoint of step {account['step']}")
    return account["arrays"]


def _digest(account: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(account, sort_keys=True).encode()).hexdigest()


def _fingerprint(state: Any) -> dict[str, dict[str, Any]]:
    """Path, dtype, shape and content of every array."""
    arrays = {name: np.asarray(leaf) for name, leaf in by_name(state).items()}
    return {
        name: {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        }
        for name, array in arrays.items()
    }


def _check_same_model(leaves: dict[str, dict[str, Any]], abstract: Any, folder: Path) -> None:
    wanted = {name: f"{leaf.dtype}{list(leaf.shape)}" for name, leaf in by_name(abstract).items()}
    found = {name: f"{leaf['dtype']}{leaf['shape']}" for name, leaf in leaves.items()}
    if wanted != found:
        names = sorted(wanted.keys() | found.keys())
        differences = [
            f"{name} is {found.get(name, 'missing')}, not {wanted.get(name, 'expected')}"
            for name in names
            if wanted.get(name) != found.get(name)
        ]
        raise CheckpointError(f"checkpoint {folder} is of another model: {'; '.join(differences)}.")
