"""Log-mel spectrograms beside Kaldi's, and by their own definition."""

import jax
import jax.numpy as jnp
import kaldi_native_fbank
import numpy as np
import pytest

from rnnx.tasks.speech import _features
from rnnx.tasks.speech._features import MELS, frames, log_mel, samples_of


def kaldis(samples):
    """Energies of the mels, `[T, 40]`."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = 8000
    options.frame_opts.dither = 0
    options.frame_opts.preemph_coeff = 0
    options.frame_opts.remove_dc_offset = False
    options.frame_opts.window_type = "hanning"
    options.mel_opts.num_bins = MELS
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 4000
    options.energy_floor = 0
    options.use_log_fbank = False
    made = kaldi_native_fbank.OnlineFbank(options)
    made.accept_waveform(8000, samples.tolist())
    made.input_finished()
    return np.stack([made.get_frame(t) for t in range(made.num_frames_ready)])


def test_they_are_those_of_kaldi():
    rng = np.random.default_rng(0)
    t = np.arange(2011) / 8000
    samples = (0.3 * np.sin(2 * np.pi * (200 + 1500 * t) * t) + 0.01 * rng.normal(size=len(t))).astype(np.float32)
    expected = kaldis(samples)
    ours = np.exp(np.asarray(log_mel(jnp.asarray(samples)), float)) - 1e-6
    # Both are sums of 200 float32 of either sign; what is left of one in a quiet mel has been rounded at the loudest.
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-6 * expected.max())


def test_a_sine_is_loudest_in_the_mel_of_its_frequency():
    for frequency in (150.0, 1000.0, 3000.0):
        found = (
            log_mel(jnp.sin(2 * jnp.pi * frequency * np.arange(2000, dtype=np.float32) / 8000)).mean(axis=0).argmax()
        )
        edges = 700 * np.expm1(np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(4000 / 700), MELS + 2) / 1127)
        assert edges[found] < frequency < edges[found + 2]


def test_no_mel_is_empty_and_those_beside_each_other_share_the_frequencies_between():
    assert (_features._MEL.max(axis=0) > 0.4).all()
    inner = _features._MEL.sum(axis=1)[(np.arange(129) * 31.25 > 60) & (np.arange(129) * 31.25 < 3700)]
    np.testing.assert_allclose(inner, 1, rtol=1e-5)  # float32


@pytest.mark.parametrize(("samples", "expected"), [(199, 0), (200, 1), (279, 1), (280, 2), (18262, 226)])
def test_frames_are_whole(samples, expected):
    assert frames(samples) == expected
    if expected:
        assert log_mel(jnp.zeros(samples)).shape == (expected, MELS)
        assert samples_of(expected) <= samples < samples_of(expected + 1)


def test_silence_is_the_floor_and_has_a_gradient():
    np.testing.assert_allclose(log_mel(jnp.zeros(200)), np.log(1e-6), rtol=1e-6)  # float32
    assert np.isfinite(jax.grad(lambda x: log_mel(x).sum())(jnp.zeros(200))).all()
