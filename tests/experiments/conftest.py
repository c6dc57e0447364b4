import signal

import pytest

from experiments.trials import signals


@pytest.fixture
def stoppable(monkeypatch):
    """As in a command: SIGTERM leaves a note; put back in the end."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(signals, "_received", 0)
    signals.install(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
