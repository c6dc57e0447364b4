"""Speech: recordings as frames of a spectrogram."""
