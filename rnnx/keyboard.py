"""What the frames of music are: which keys sound, and for how long; and music as a MIDI file."""

import dataclasses
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np

from rnnx import checks

_TICKS = 480
"""Of a quarter note, in a MIDI file."""
_NUMBERS = 128
"""Of keys in MIDI."""
_SLOWEST, _FASTEST = 4, 1000
"""Quarter notes a minute; MIDI has microseconds of a quarter note in 3 bytes, and can say nothing slower than 3.6."""
_MARGIN = 2
"""Keys of a picture beyond the lowest and the highest that sound."""
_VELOCITY = 80
_NOTE_ON, _NOTE_OFF = 0x90, 0x80
_TEMPO, _END = b"\xff\x51\x03", b"\xff\x2f\x00"
_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


@dataclasses.dataclass(frozen=True)
class Keyboard:
    """The entries of a frame: entry n says whether the n-th key from the lowest sounds.

    Attributes:
      lowest: the lowest key by its number in MIDI, where 60 is the C in the middle; 21 is that of a piano.
      keys: how many there are.
      quarters: how many quarter notes a frame lasts.

    Raises:
      ValueError: keys that MIDI has no number for, which are 0 to 127; frames that last nothing.

    >>> Keyboard().name(0), Keyboard().name(87)
    ('A0', 'C8')
    """

    lowest: int = 21
    keys: int = 88
    quarters: float = 1.0

    def __post_init__(self) -> None:
        checks.size("lowest", self.lowest, least=0)
        checks.size("keys", self.keys)
        checks.number("quarters", self.quarters, above=0)
        if self.lowest + self.keys > _NUMBERS:
            raise ValueError(f"{self.keys} keys from {self.lowest} on: numbers of keys in MIDI end at {_NUMBERS - 1}.")

    def name(self, key: int) -> str:
        """What a key is called."""
        number = self.lowest + key
        return f"{_NAMES[number % 12]}{number // 12 - 1}"

    def view(self, sounding: Iterable[int]) -> tuple[range, dict[int, str]]:
        """The keys that a picture has, an octave at least around those that sound, and what each C of them is called.

        >>> Keyboard().view([40, 45])
        (range(38, 51), {39: 'C4'})
        """
        keys = list(sounding) or [self.keys // 2]
        low = min(keys) - _MARGIN
        shown = range(low, max(max(keys) + _MARGIN, low + 12) + 1)
        return shown, {key: self.name(key) for key in shown if (self.lowest + key) % 12 == 0}

    def midi(self, roll: np.ndarray, tempo: float = 90.0) -> bytes:
        """A MIDI file of one track, of a piano.

        A key that sounds in several frames one after another is one note, which is held: a roll does not tell whether
        it was struck again.

        Args:
          roll: `[frames, keys]`, booleans.
          tempo: quarter notes a minute, 4 to 1000.

        Raises:
          ValueError: another tempo.

        >>> Keyboard().midi(np.zeros((4, 88), bool))[:4]
        b'MThd'
        """
        if not _SLOWEST <= tempo <= _FASTEST:
            raise ValueError(f"tempo must be from {_SLOWEST} to {_FASTEST} quarter notes a minute, not {tempo!r}.")
        track = bytearray(b"\x00") + _TEMPO + round(60e6 / tempo).to_bytes(3, "big")
        before = 0
        for frame, change in enumerate(changes(roll)):
            now = round(frame * self.quarters * _TICKS)
            for kind, velocity, sign in ((_NOTE_OFF, 0, -1), (_NOTE_ON, _VELOCITY, 1)):
                for key in np.flatnonzero(change == sign):
                    track += _variable_length(now - before) + bytes((kind, self.lowest + int(key), velocity))
                    before = now
        track += _variable_length(round(len(roll) * self.quarters * _TICKS) - before) + _END
        head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS)
        return head + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)

    def to_dict(self) -> dict[str, Any]:
        """For a record in JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Keyboard":
        """What `to_dict` gave.

        >>> Keyboard.from_dict(Keyboard(quarters=0.5).to_dict()).quarters
        0.5
        """
        return cls(**record)


def changes(roll: np.ndarray) -> np.ndarray:
    """Where notes of a roll `[frames, keys]` begin, 1, and have ended, -1: `[frames + 1, keys]`.

    >>> changes(np.array([[False], [True], [True]])).ravel().tolist()
    [0, 1, 0, -1]
    """
    return np.diff(np.pad(np.asarray(roll, bool), ((1, 1), (0, 0))).astype(int), axis=0)


def _variable_length(number: int) -> bytes:
    """A number as MIDI has it: 7 bits a byte, the largest first, of which all but the last have the eighth bit set.

    >>> _variable_length(0x3FFF).hex(), _variable_length(0x4000).hex()
    ('ff7f', '818000')
    """
    made = [number & 0x7F]
    while number := number >> 7:
        made.append(number & 0x7F | 0x80)
    return bytes(reversed(made))
