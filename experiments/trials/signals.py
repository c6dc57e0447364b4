"""Signals that ask a process to stop: it finishes the training steps in hand, saves, and leaves."""

import signal
from types import FrameType


class Interrupted(BaseException):
    """The process was asked to stop, and all that was trained is saved; no error, so not caught as one."""

    def __init__(self, signum: int):
        """By which signal."""
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum

    @property
    def status(self) -> int:
        """What the process exits with, as shells report a signal: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + self.signum


_received = 0


def install(*signals: int) -> None:
    """From now on these signals only leave a note, for `requested`; a second one does what it did before."""
    for signum in signals:
        before = signal.getsignal(signum)

        def note(signum: int, frame: FrameType | None, before: object = before) -> None:
            global _received
            _received = signum
            signal.signal(signum, before)  # type: ignore[arg-type]

        signal.signal(signum, note)


def request(signum: int) -> None:
    """Ask for an end as that signal would, which another process received; 0 for none."""
    global _received
    _received = _received or signum


def requested() -> int:
    """The signal that asked for an end, or 0."""
    return _received


def check() -> None:
    """Raise `Interrupted` if an end was asked for."""
    if _received:
        raise Interrupted(_received)
