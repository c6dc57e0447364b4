"""Recordings with a label each: of a data set, or anyone's own folder of wav files."""

import dataclasses
import hashlib
import io
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnx.data._store import DataError, sha256

RATE = 8000
"""Samples a second."""


class Recording(NamedTuple):
    """What was said once."""

    name: str
    """Of its file."""
    label: str
    samples: np.ndarray
    """[n], int16."""


@dataclasses.dataclass(frozen=True)
class Recordings:
    """Recordings in the order of their names; equal to others of the same name and bytes."""

    name: str
    """Of the data set; of a folder of one's own, its path as it was given."""
    sha256: str
    """Of all of them, in hexadecimal."""
    recordings: tuple[Recording, ...] = dataclasses.field(compare=False, repr=False)


def read_recordings(path: str) -> Recordings:
    """The wav files of a folder of one's own, `<label>_<anything>.wav`; others in it are passed over.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: there is no such folder, or no such file in it; a file has no label, or is none that `samples` reads.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(f"{path} is no folder: give one with wav files called <label>_<anything>.wav.")
    recordings, hashes = [], []
    for file in sorted(file for file in folder.iterdir() if file.suffix.lower() == ".wav"):
        label, underscore, _ = file.name.partition("_")
        if not (label and underscore):
            raise DataError(f"{file} has no label: a recording is called <label>_<anything>.wav, such as yes_01.wav.")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {file}: {error.strerror}.") from None
        recordings.append(Recording(file.name, label, samples(content, str(file))))
        hashes.append(f"{file.name} {sha256(content)}\n")
    if not recordings:
        raise DataError(f"{path} has no recordings: they are wav files called <label>_<anything>.wav.")
    return Recordings(path, hashlib.sha256("".join(hashes).encode()).hexdigest(), tuple(recordings))


def samples(content: bytes, name: str) -> np.ndarray:
    """The samples of a wav file, `[n]`, int16.

    Raises:
      DataError: it is damaged, or anything but mono of 16 bits at 8000 samples a second.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            form = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
            expected, frames = file.getnframes(), file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError, ValueError) as error:  # the last but one of sizes that cannot be
        raise DataError(
            f"{name} is no wav file with plain samples: {str(error) or 'it is cut off or damaged'}."
        ) from None
    if form != (1, 16, RATE):
        channels, bits, rate = form
        raise DataError(
            f"{name} has {channels} channel{'s' * (channels != 1)} of {bits} bits at {rate} samples a second, and is "
            f"needed as one of 16 bits at {RATE}: convert it, for example by sox in.wav -c 1 -b 16 -r {RATE} out.wav."
        )
    if len(frames) != 2 * expected:
        raise DataError(f"{name} is cut off: it has {len(frames) // 2} samples of {expected}.")
    return np.frombuffer(frames, "<i2")
