"""A small record with round numbers."""

from typing import Any

from scripts.benchmark.layers.record import Record

MACHINE = {"cpu": "A CPU", "vectors": "avx2", "cores": 2, "system": "Linux", "flags": "none"}


def about(version: str = "1.0", package: str = "package") -> dict[str, Any]:
    return {
        "versions": {package: version},
        "python": "3.12.1",
        "layout": "[T, B, I]",
        "form": {"rnn": "an rnn", "lstm": "an lstm", "gru": "a gru"},
        "reference": {},
    }


def timed(forward_ms: float, backward_ms: float, variant: dict[str, Any] | None = None) -> dict[str, Any]:
    def times(ms: float) -> dict[str, float]:
        return {"median_ms": ms, "lower_ms": 0.9 * ms, "upper_ms": 1.1 * ms, "minimum_ms": 0.8 * ms, "repetitions": 20}

    return {
        "first_call_s": {"forward": 0.5, "backward": 1.0},
        "error": 1e-7,
        "variant": variant or {},
        "forward": times(forward_ms),
        "backward": times(backward_ms),
    }


def entry(contestants: dict[str, Any], cell: str = "lstm", hidden: int = 256) -> dict[str, Any]:
    point = {"cell": cell, "hidden": hidden, "batch": 8, "layers": 1, "steps": 100}
    return {**point, "date": "2026-01-02", "product_gflops": 100.0, "contestants": contestants}


def small() -> Record:
    """rnnx is twice as fast as torch at one point and half as fast at the other; flax failed once."""
    return {
        "form": 1,
        "machine": MACHINE,
        "source": "0123456789ab",
        "contestants": {name: about(package=name) for name in ("rnnx", "flax", "haiku", "torch")},
        "points": [
            entry(
                {
                    "rnnx": timed(10.0, 20.0),
                    "flax": timed(30.0, 60.0),
                    "haiku": timed(40.0, 40.0),
                    "torch": timed(20.0, 40.0),
                }
            ),
            entry(
                {
                    "rnnx": timed(10.0, 20.0),
                    "flax": {"failed": "RuntimeError: no room"},
                    "haiku": timed(12.0, 24.0, {"reset_after": False}),
                    "torch": timed(5.0, 10.0),
                },
                cell="gru",
                hidden=32,
            ),
        ],
    }
