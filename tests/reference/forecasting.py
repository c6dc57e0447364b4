"""The networks that forecast time series in NumPy, one example after another as the papers have them.

Each is `(params of the rnnx model, xs [T, B, m], …) -> forecasts [B, O]`. All take complex numbers, so that the complex
step gives derivatives to the last digit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests import reference
from tests.reference import sigmoid

Params = dict[str, Any]


def lstnet(p: Params, xs: np.ndarray, *, kernel: int, skip: int, highway_window: int) -> np.ndarray:
    """Lai et al. 2018, §3, without padding; by GRUs."""
    F, b = p["convolution"]["kernel"][:, 0], p["convolution"]["bias"]

    def of_example(x: np.ndarray) -> np.ndarray:
        T = len(x)
        c = relu(np.array([sum(x[t + k] @ F[k] for k in range(kernel)) + b for t in range(T - kernel + 1)]))
        seen = [last("gru", p["cells"]["gru"], c)]
        periods = (T - kernel) // skip
        for i in reversed(range(skip)):  # the last of them ends with the last c
            times = [len(c) - 1 - i - skip * j for j in reversed(range(periods))]
            seen.append(last("gru", p["cells"]["skip"], c[times]))
        y = np.concatenate(seen) @ p["readout"]["kernel"] + p["readout"]["bias"]
        return y + autoregression(p["highway"], x[T - highway_window :], len(y))

    return each(of_example, xs)


def tpa_lstm(p: Params, xs: np.ndarray, *, window: int) -> np.ndarray:
    """Shih et al. 2019, §3.2 and 3.4."""
    F = p["filters"]["kernel"][:, 0, 0]  # [w, k]
    W_a, W_h, W_v, W_y = (p[name]["kernel"] for name in ("query", "of_state", "of_patterns", "readout"))

    def of_example(x: np.ndarray) -> np.ndarray:
        hs = outputs("lstm", p["cells"]["lstm"], x)
        H, h = hs[-1 - window : -1].T, hs[-1]  # [units, w]
        C = np.array([[sum(row[l] * F[l, j] for l in range(window)) for j in range(F.shape[1])] for row in H])
        v = sum(sigmoid(C_i @ (h @ W_a)) * C_i for C_i in C)
        y = (h @ W_h + v @ W_v) @ W_y
        return y + autoregression(p["autoregression"], x[-window:], len(y))

    return each(of_example, xs)


def da_rnn(p: Params, xs: np.ndarray, *, window: int) -> np.ndarray:
    """Qin et al. 2017, equations 8 to 22, by LSTMs; told is what comes after all that is known."""
    encoder, decoder = p["cells"]["encoder"], p["cells"]["decoder"]
    O = p["readout"]["kernel"].shape[1]

    def attended(params: Any, h: np.ndarray, s: np.ndarray, memory: np.ndarray) -> np.ndarray:
        scores = [
            params.score_kernel @ np.tanh(np.concatenate([h, s]) @ params.query_kernel + m @ params.memory_kernel)
            for m in memory
        ]
        return softmax(np.array(scores))

    def of_example(x: np.ndarray) -> np.ndarray:
        x = x[-window:]
        driving, y = (x[:, O:] if x.shape[1] > O else x), x[:, :O]
        h = s = np.zeros(encoder.query_kernel.shape[0] // 2)
        hs = []
        for x_t in driving:
            h, s = lstm_step(encoder.cell, attended(encoder, h, s, driving.T) * x_t, h, s)
            hs.append(h)
        hs = np.array(hs)
        d, s = np.zeros_like(h), np.zeros_like(h)
        z = attended(decoder, d, s, hs) @ hs
        for y_t in y:
            mixed = np.concatenate([y_t, z]) @ decoder.mix_kernel + decoder.mix_bias
            z = attended(decoder, d, s, hs) @ hs
            d, s = lstm_step(decoder.cell, mixed, d, s)
        hidden = np.concatenate([d, z]) @ p["hidden"]["kernel"] + p["hidden"]["bias"]
        return hidden @ p["readout"]["kernel"] + p["readout"]["bias"]

    return each(of_example, xs)


def dsanet(p: Params, xs: np.ndarray, *, window: int, series: int) -> np.ndarray:
    """Huang et al. 2019, §3, series by series and head by head."""

    def convolution(name: str, x: np.ndarray) -> np.ndarray:
        """Of one series, `[T]` -> `[T - steps + 1, n]`."""
        F, b = p[name]["kernel"][:, 0, 0], p[name]["bias"]
        return relu(np.array([sum(x[t + l] * F[l] for l in range(len(F))) + b for t in range(len(x) - len(F) + 1)]))

    def encoded(name: str, places: np.ndarray) -> np.ndarray:
        z = linear(p[name]["enter"], places)
        for layer in p[name]["layers"].values():
            z = normed(layer["norms"][0], z + attention(layer["attention"], z))
            z = normed(layer["norms"][1], z + linear(layer["outer"], relu(linear(layer["inner"], z))))
        return linear(p[name]["leave"], z)

    def of_example(x: np.ndarray) -> np.ndarray:
        x = x[-window:]
        whole = np.array([convolution("whole", x_i)[0] for x_i in x.T])
        local = np.array([largest(convolution("local", x_i)) for x_i in x.T])
        seen = np.concatenate([encoded("of_whole", whole), encoded("of_local", local)], axis=1)
        return linear(p["readout"], seen)[:series, 0] + autoregression(p["autoregression"], x, series)

    return each(of_example, xs)


def attention(p: Params, z: np.ndarray) -> np.ndarray:
    """Vaswani et al. 2017, §3.2.2, over the rows of z."""
    heads = []
    for n in range(p["query"]["kernel"].shape[1]):
        q, k, v = (z @ p[name]["kernel"][:, n] + p[name]["bias"][n] for name in ("query", "key", "value"))
        heads.append(np.array([softmax(k @ q_i / np.sqrt(len(q_i))) @ v for q_i in q]))
    return sum(head @ p["out"]["kernel"][n] for n, head in enumerate(heads)) + p["out"]["bias"]


def autoregression(p: Params, x: np.ndarray, series: int) -> np.ndarray:
    """Of each series by its own last values, `[q, m]` -> `[series]`."""
    return np.array([x[:, i] @ p["kernel"][:, 0] + p["bias"][0] for i in range(series)])


def linear(p: Params, z: np.ndarray) -> np.ndarray:
    return z @ p["kernel"] + p["bias"]


def normed(p: Params, z: np.ndarray) -> np.ndarray:
    """Layer norm of rows, with flax's ε."""
    centred = z - z.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6) * p["scale"] + p["bias"]


def lstm_step(params: Any, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lstm = reference.get("lstm")
    states = lstm.forward(lstm.unpack(params), x[None, None], {"h": h[None], "c": c[None]})
    return states["h"][0, 0], states["c"][0, 0]


def outputs(cell: str, params: Any, xs: np.ndarray) -> np.ndarray:
    """h_1 … h_T from zero, of one sequence `[T, I]`."""
    of = reference.get(cell)
    H = params.recurrent_kernel.shape[0]
    return of.forward(of.unpack(params), xs[:, None], {part: np.zeros((1, H)) for part in "hc"})["h"][:, 0]


def last(cell: str, params: Any, xs: np.ndarray) -> np.ndarray:
    return outputs(cell, params, xs)[-1]


def relu(a: np.ndarray) -> np.ndarray:
    return np.where(a.real > 0, a, 0)


def largest(a: np.ndarray) -> np.ndarray:
    """The largest of each column."""
    return np.take_along_axis(a, a.real.argmax(axis=0)[None], axis=0)[0]


def softmax(a: np.ndarray) -> np.ndarray:
    e = np.exp(a - a.real.max())
    return e / e.sum()


def each(of_example: Callable[[np.ndarray], np.ndarray], xs: np.ndarray) -> np.ndarray:
    return np.array([of_example(xs[:, b]) for b in range(xs.shape[1])])
