"""Made-up values of the measurements that not every study takes, by measurement, under the tags of the real ones."""

import math
from typing import Any


def quartiles(tag: str, curve: list[float]) -> dict[str, list[float]]:
    return {tag: curve, f"{tag}_q25": [value - 0.2 for value in curve], f"{tag}_q75": [value + 0.2 for value in curve]}


def everything(length: int, rate: float = -0.1, units: int = 4) -> dict[str, dict[str, Any]]:
    """A network whose gradient goes by `rate`, in nats per step."""
    lags = range(length)
    fall = [rate * k / math.log(10) for k in lags]
    share = [10**value for value in fall]
    older = sum(share[10:]) / sum(share)
    left_out = [sum(share[K:]) / sum(share) for K in range(1, length + 1)]
    made: dict[str, dict[str, Any]] = {
        "jacobian_products": {
            **quartiles("jacobian_products/log10_sigma_max", fall),
            **quartiles("jacobian_products/log10_frobenius", [value + 0.3 * (k > 0) for k, value in enumerate(fall)]),
            **quartiles("jacobian_products/log10_sigma_min", [3 * value for value in fall]),
            **quartiles("jacobian_products/log10_condition", [-2 * value for value in fall]),
            "jacobian_products/log_singular_values": [rate * (1 + i) for i in range(units)],
        },
        "lyapunov": {"lyapunov/spectrum": [rate * (1 + i) for i in range(units)], "lyapunov/largest": rate},
        "weight_gradient_by_lag": {
            "weight_gradient_by_lag/all/log10_norm": fall,
            "weight_gradient_by_lag/all/cosine": [0.9**k for k in lags],
            "weight_gradient_by_lag/all/share_older_than_10": older,
            "weight_gradient_by_lag/all/cancellation": 0.5,
            "weight_gradient_by_lag/recurrent_kernel/log10_norm": [value - 0.1 for value in fall],
            "weight_gradient_by_lag/recurrent_kernel/cosine": [0.8**k for k in lags],
            "weight_gradient_by_lag/recurrent_kernel/share_older_than_10": older,
            "weight_gradient_by_lag/recurrent_kernel/cancellation": 0.4,
        },
        "truncation_bias": {
            "truncation_bias/relative_error": left_out,
            "truncation_bias/cosine": [1 - error**2 for error in left_out],
            "truncation_bias/smallest_k": next(K for K, error in enumerate(left_out, start=1) if error < 0.1),
        },
        "gates": {
            "gates/forget/time_scale": {"edges": [-1.0, 0.0, 1.0, 2.0], "counts": [1, 2, 1]},
            "gates/forget/retention": fall,
            "gates/input/mean": 0.5,
        },
        "noise_scale": {"noise_scale/noise_scale": 40.0 - 100 * rate},
        "paths": {
            "paths/all/log10_norm": [value - 1 for value in fall],
            "paths/h/log10_norm": [2 * value - 1.5 for value in fall],
            "paths/c/log10_norm": [-math.inf, *(value - 1.1 for value in fall[1:])],
        },
        "mean_field": {"mean_field/rate": rate, "mean_field/depth_scale": 1 / abs(rate), "mean_field/variance": 0.5},
        "log_state_gradient": quartiles("log_state_gradient/log10_norm", [30 * value for value in fall]),
        "input_gradient": quartiles("input_gradient/log10_norm", fall),
        "attention": {
            "attention/weights": [[1.0 * (k == s) for s in range(length)] for k in lags],
            "attention/places": 1.0,
        },
        **readings(length, rate),
    }
    return made


PASSAGE = list("ANN:\nIt costs $2, or $3 \u2014 na\u00efve\0.\n\nBEN:\n" + "Not at all, " * 9 + "no.\n")


def readings(length: int, rate: float = -0.1) -> dict[str, dict[str, Any]]:
    """What a model of characters does that has learnt something."""
    contexts = [k for k in (1, 2, 4, 8, 16) if k < length] + [length]
    of_unit = {
        "unit": "c[17]",
        "chosen_by": 0.93,
        "correlation": 0.91,
        "text": PASSAGE,
        "activation": [math.sin(n / 5) for n in range(len(PASSAGE))],
    }
    return {
        "surprise": {
            "surprise/text": PASSAGE,
            "surprise/nats": [5.0 * (character in "ABIN$") + 0.1 for character in PASSAGE],
            "surprise/mean": 1.25,
        },
        "selective_units": {
            f"selective_units/{feature}/{name}": value
            for feature in ("line_position", "quotes")
            for name, value in of_unit.items()
        },
        "loss_by_context": {
            "loss_by_context/tokens": contexts,
            "loss_by_context/loss": [1.5 + 1 / k + rate for k in contexts],
            "loss_by_context/standard_error": [0.1 / k - 0.1 / length for k in contexts],
            "loss_by_context/smallest_k": contexts[-1],
        },
        "loss_by_length": {
            "loss_by_length/steps": [length * times for times in (1, 2, 4, 10)],
            "loss_by_length/loss": [0.1 * times - rate for times in (1, 2, 4, 10)],
            "loss_by_length/without_memory": [0.9, 0.8, 0.75, 0.7],
            "loss_by_length/score/accuracy": [0.9, 0.8, 0.7, 0.6],
            "loss_by_length/longest": 4.0 * length,
        },
    }


def flat(diagnostics: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All tags together, as in a record."""
    return {tag: value for of_one in diagnostics.values() for tag, value in of_one.items()}


def states(length: int, examples: int = 3, units: int = 4) -> dict[str, Any]:
    """What an analysis of trajectories holds: examples that turn, each about a middle of its own."""
    return {
        "trajectories/states": [
            [[math.cos(0.3 * t + u) + e for u in range(units)] for e in range(examples)] for t in range(length + 1)
        ]
    }
