import signal

import pytest

from experiments import interruption


@pytest.fixture
def stoppable(monkeypatch):
    """As in a command: SIGTERM leaves a note; put back in the end."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(interruption, "_received", 0)
    interruption.install(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
