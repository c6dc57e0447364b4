"""Log-mel spectrograms, inside of jit: what a network is given of a recording.

    frame_t = samples[80 t … 80 t + 199] · Hann        25 ms every 10 ms, at 8000 samples a second
    P_t     = |rfft(frame_t, 256)|²
    x_t     = ln(M P_t + 10⁻⁶)                          40 triangles, evenly spaced in mel from 20 to 4000 Hz

mel(f) = 1127 ln(1 + f / 700), triangles in mel, Hann of 200 points with zeros at both ends: those of Kaldi, without its
dither, pre-emphasis and removal of the mean. No frame is padded: n samples are 1 + (n - 200) // 80 frames.
"""

import jax.numpy as jnp
import numpy as np

from rnnx.data._recordings import RATE
from rnnx.types import Array

MELS = 40
WINDOW, HOP = 200, 80
_BINS = 256
_LOWEST, _HIGHEST = 20.0, RATE / 2
_FLOOR = 1e-6


def frames(samples: int) -> int:
    """How many frames there are of so many samples.

    >>> frames(199), frames(200), frames(1148)
    (0, 1, 12)
    """
    return max(0, 1 + (samples - WINDOW) // HOP)


def samples_of(frames: int) -> int:
    """How many samples so many frames take.

    >>> samples_of(12)
    1080
    """
    return WINDOW + HOP * (frames - 1)


def log_mel(samples: Array) -> Array:
    """The log-mel spectrogram of samples between -1 and 1, `[..., n]` -> `[..., T, 40]`.

    >>> log_mel(jnp.zeros((3, 360))).shape
    (3, 3, 40)
    """
    places = HOP * np.arange(frames(samples.shape[-1]))[:, None] + np.arange(WINDOW)
    windowed = samples[..., places] * np.hanning(WINDOW).astype(np.float32)
    power = jnp.square(jnp.abs(jnp.fft.rfft(windowed, _BINS)))
    return jnp.log(power @ _MEL + _FLOOR)


def _triangles() -> np.ndarray:
    """The weight of each frequency in each mel, `[129, 40]`."""

    def mel(frequency: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)

    edges = np.linspace(mel(_LOWEST), mel(_HIGHEST), MELS + 2)
    at = mel(np.arange(_BINS // 2 + 1) * RATE / _BINS)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


_MEL = _triangles()
