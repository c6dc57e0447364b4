"""Ways in which a checkpoint is damaged on disk. Each takes the folder of the newest step, `<checkpoints>/<step>`.

In a step, `leaves/metadata` is rnnx's own account of every array; all else is orbax's: `state/_METADATA` (structure),
`state/manifest.ocdbt` and `state/d/*` (where each array is), and below `state/ocdbt.process_0` the arrays.
"""

import json
import pickle
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

BEFORE = "10"
"""Folder of the step before, beside the damaged one."""


def files(folder: Path) -> list[Path]:
    """All files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def _arrays(step: Path) -> list[Path]:
    return files(step / "state" / "ocdbt.process_0" / "d")


def _index(step: Path) -> list[Path]:
    return files(step / "state" / "d")


def _account(step: Path) -> Path:
    return step / "leaves" / "metadata"


def _structure(step: Path) -> Path:
    return step / "state" / "_METADATA"


def _manifest(step: Path) -> Path:
    return step / "state" / "manifest.ocdbt"


def _in_each(choose: Callable[[Path], Iterable[Path]], change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(step: Path) -> None:
        for path in choose(step):
            path.write_bytes(change(path.read_bytes()))

    return damage


def _one_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _zeros(content: bytes) -> bytes:
    return bytes(len(content))


def _noise(content: bytes) -> bytes:
    return random.Random(0).randbytes(len(content))


def _lost_sector(content: bytes) -> bytes:
    """512 bytes in the middle read as zero."""
    start = max(0, len(content) // 2 - 256)
    return content[:start] + bytes(len(content[start : start + 512])) + content[start + 512 :]


class Bomb:
    """What a pickle can do: run a program when it is loaded."""

    def __init__(self, marker: Path):
        self._marker = marker

    def __reduce__(self):
        return Path.touch, (self._marker,)


def marker(step: Path) -> Path:
    """The file that there is if a pickle was loaded."""
    return step.parent.parent / "loaded"


def _pickles(step: Path) -> None:
    for path in files(step):
        path.write_bytes(pickle.dumps(Bomb(marker(step))))


def _recorded(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Another account of the arrays, valid as JSON."""

    def damage(step: Path) -> None:
        account = json.loads(_account(step).read_text())
        changed = change(account)
        _account(step).write_text(json.dumps(account if changed is None else changed))

    return damage


def _first(account: dict) -> dict:
    return account["arrays"]["params/w"]


def _swap(one: Path, other: Path) -> None:
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


def _from_before(part: str) -> Callable[[Path], None]:
    def damage(step: Path) -> None:
        shutil.rmtree(step / part)
        shutil.copytree(step.parent / BEFORE / part, step / part)

    return damage


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("in the way")


def _link(path: Path, target: str) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    path.symlink_to(target)


def _empty(step: Path) -> None:
    shutil.rmtree(step)
    step.mkdir()


KINDS: dict[str, Callable[[Path], None]] = {
    "one bit in every array file": _in_each(_arrays, _one_bit),
    "one bit in the largest array file": _in_each(
        lambda step: [max(_arrays(step), key=lambda p: p.stat().st_size)], _one_bit
    ),
    "one bit in the index": _in_each(_index, _one_bit),
    "one bit in the manifest": _in_each(lambda step: [_manifest(step)], _one_bit),
    "array files cut in half": _in_each(_arrays, _half),
    "array files empty": _in_each(_arrays, lambda content: b""),
    "array files all zero": _in_each(_arrays, _zeros),
    "array files all noise": _in_each(_arrays, _noise),
    "a lost sector in every array file": _in_each(_arrays, _lost_sector),
    "array files deleted": lambda step: shutil.rmtree(step / "state" / "ocdbt.process_0" / "d"),
    "array files swapped": lambda step: _swap(*sorted(_arrays(step), key=lambda path: path.stat().st_size)[-2:]),
    "index cut in half": _in_each(_index, _half),
    "index deleted": lambda step: shutil.rmtree(step / "state" / "d"),
    "manifest deleted": lambda step: _manifest(step).unlink(),
    "manifest empty": lambda step: _manifest(step).write_bytes(b""),
    "manifest all zero": _in_each(lambda step: [_manifest(step)], _zeros),
    "structure deleted": lambda step: _structure(step).unlink(),
    "structure garbled": lambda step: _structure(step).write_text('{"tree_metadata": '),
    "structure all zero": _in_each(lambda step: [_structure(step)], _zeros),
    "state deleted": lambda step: shutil.rmtree(step / "state"),
    "state is a file": lambda step: _replace_by_file(step / "state"),
    "state of the step before": _from_before("state"),
    "account of the step before": _from_before("leaves"),
    "the step before under this name": _from_before("."),
    "account deleted": lambda step: _account(step).unlink(),
    "account cut in half": _in_each(lambda step: [_account(step)], _half),
    "account all zero": _in_each(lambda step: [_account(step)], _zeros),
    "account all noise": _in_each(lambda step: [_account(step)], _noise),
    "account is a folder": lambda step: _replace_by_folder(_account(step)),
    "account unreadable": lambda step: _link(_account(step), "metadata"),  # a link to itself stops root as well
    "account of another kind": _recorded(lambda account: [1, 2, 3]),
    "account with another hash": _recorded(lambda account: _first(account).update(sha256="0" * 64)),
    "account with another dtype": _recorded(lambda account: _first(account).update(dtype="int32")),
    "account with another shape": _recorded(lambda account: _first(account).update(shape=[64, 256])),
    "account lacks an array": _recorded(lambda account: {**account, "arrays": {}}),
    "account with another step": _recorded(lambda account: account.update(step=30)),
    "arrays a link to nowhere": lambda step: _link(step / "state" / "ocdbt.process_0", "nowhere"),
    "an empty folder": _empty,
    "every file cut in half": _in_each(files, _half),
    "every file empty": _in_each(files, lambda content: b""),
    "every file deleted": lambda step: [path.unlink() for path in files(step)],
    "every file a pickle that runs a program": _pickles,
}
