"""The voice of a stretch of speech as an embedding, which is similar for stretches of one speaker.

The network is the GE2E encoder of Resemblyzer (Wan et al. 2018, arXiv 1710.10467; Apache-2.0, in this
folder): three LSTM layers on mel spectra of 1.6 s. `training/encoder/speaker_encoder.py` converts its
weights. Unlike the spectrogram of the emotion models, these spectra are not logarithmic.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.log_mel import SAMPLING_RATE, mel_filters, power_spectrum

Embedding = NDArray[np.float32]

INPUT = "mel"
N_MELS = 40
SIZE = 256
"""The number of values of an embedding."""

WINDOW = 160
"""Frames of 10 ms in a window: 1.6 s, as in the training of the network."""

SPACING = 160
"""Frames of 10 ms between the centers of two windows: 1.6 s. Not tuned; 3.2 s was worse on a few calls."""

LEVEL = -30.0
"""The level in dB relative to full scale to which a softer stretch is amplified, as in Resemblyzer."""


class SpeakerEncoder:
    """An encoder of voices. Thread-safe, since ONNX Runtime is."""

    def __init__(self) -> None:
        """Load the network."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena would keep the memory of the longest stretch
        path = Path(__file__).with_name("speaker_encoder.onnx")
        self._network = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def embed(self, signal: Signal) -> Embedding:
        """Compute the embedding of a stretch of speech of one speaker.

        Args:
            signal: a signal of one channel, at 16 kHz, at least 0.12 s long.

        Returns:
            The mean over the windows, float32, shape (256,), of length 1.
        """
        spectra = mel_spectra(signal)
        n_frames = len(spectra)
        last = max(n_frames - WINDOW, 0)
        n_windows = max(round(n_frames / SPACING), 1)
        starts = ((np.arange(n_windows) + 0.5) / n_windows * last).astype(int)
        windows = np.stack([spectra[start : start + WINDOW] for start in starts])
        (embeddings,) = self._network.run(None, {INPUT: windows})
        mean = embeddings.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)


def mel_spectra(signal: Signal) -> NDArray[np.float32]:
    """Compute the mel spectra of a signal, amplified to `LEVEL` if it is softer.

    Args:
        signal: a signal of one channel, at 16 kHz.

    Returns:
        The power in each band, float32, shape (n_samples // 160, 40).
    """
    if signal.sampling_rate != SAMPLING_RATE or signal.n_channels != 1:
        raise ValueError(f"one channel at {SAMPLING_RATE} Hz is needed: select and resample first")
    samples = signal.samples[0]
    level = 10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-12)
    gain = np.float32(10 ** (max(LEVEL - level, 0.0) / 20))
    return power_spectrum(samples * gain) @ mel_filters(N_MELS)
