"""Checkpoints with orbax: atomic, and verified leaf by leaf on the way back.

Orbax commits a step by a rename, so a kill leaves the earlier steps whole, but it does not notice every flipped bit, a
wrong dtype, or an empty folder with a number for a name. Each leaf's sha256, dtype and shape are kept beside the arrays
for that; a step that does not agree is renamed `<step>.corrupt` and the one before it is used.
"""

import hashlib
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
        logging.getLogger("absl").setLevel(logging.ERROR)  # orbax reports every save at INFO and WARNING
        self._directory = directory.absolute()
        self._read_only = read_only
        access = (
            {"read_only": True, "create": False, "save_interval_steps": 0}
            if read_only
            else {"max_to_keep": keep, "cleanup_tmp_directories": True}
        )
        # Synchronous: an asynchronous save would report a full disk only later, when its step is already listed.
        self._options = ocp.CheckpointManagerOptions(enable_async_checkpointing=False, **access)
        self._manager = ocp.CheckpointManager(self._directory, options=self._options)

    def save(self, step: int, state: Any) -> None:
        """Commit a state.

        Raises:
          CheckpointError: there is already a step as late as this one.
        """
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), leaves=ocp.args.JsonSave(_fingerprint(state)))
        if not self._manager.save(step, args=args):
            raise CheckpointError(f"step {step} was not saved in {self._directory}: there is a step as late as that.")

    def restore_latest(self, like: Any) -> tuple[int, Any] | None:
        """The newest step that is whole, and its state; `None` if there is none.

        Args:
          like: a state (or its shapes) of the structure, shapes and dtypes to be restored.

        Raises:
          CheckpointError: the checkpoint is of another model.
        """
        abstract = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), like)
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                leaves = self._manager.restore(step, args=ocp.args.Composite(leaves=ocp.args.JsonRestore()))["leaves"]
            except Exception as error:  # whatever a damaged folder makes orbax raise
                self._set_aside(step, error)
                continue
            _check_same_model(leaves, abstract, self._directory / str(step))
            try:
                restored = self._manager.restore(
                    step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
                )
                state = restored["state"]
            except Exception as error:
                self._set_aside(step, error)
                continue
            changed = [name for name, leaf in _fingerprint(state).items() if leaf != leaves[name]]
            if not changed:
                return step, state
            self._set_aside(step, f"{', '.join(changed)} changed on disk")
        return None

    def _set_aside(self, step: int, why: object) -> None:
        folder = self._directory / str(step)
        reason = str(why).splitlines()[0] if str(why) else type(why).__name__
        if self._read_only:
            warnings.warn(f"checkpoint {folder} is damaged: {reason}", stacklevel=3)
            return
        warnings.warn(f"checkpoint {folder} is damaged and set aside as {step}.corrupt: {reason}", stacklevel=3)
        self._manager.close()
        folder.rename(folder.with_name(f"{step}.corrupt"))
        self._manager = ocp.CheckpointManager(self._directory, options=self._options)


def _fingerprint(state: Any) -> dict[str, dict[str, Any]]:
    """Path, dtype, shape and content of every array."""
    described = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
        array = np.asarray(leaf)
        described[jax.tree_util.keystr(path, simple=True, separator="/")] = {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        }
    return described


def _check_same_model(leaves: dict[str, dict[str, Any]], abstract: Any, folder: Path) -> None:
    flat = jax.tree_util.tree_flatten_with_path(abstract)[0]
    wanted = {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in flat
    }
    found = {name: f"{leaf['dtype']}{leaf['shape']}" for name, leaf in leaves.items()}
    if wanted != found:
        names = sorted(wanted.keys() | found.keys())
        differences = [
            f"{name} is {found.get(name, 'missing')}, not {wanted.get(name, 'expected')}"
            for name in names
            if wanted.get(name) != found.get(name)
        ]
        raise CheckpointError(f"checkpoint {folder} is of another model: {'; '.join(differences)}.")
