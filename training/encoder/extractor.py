"""The encoder as an extractor of features, so that heads are trained like any other model."""

import numpy as np
import onnxruntime

from app.core.audio import Signal, resample
from app.core.features import Features
from app.core.log_mel import SAMPLING_RATE, log_mel_spectrogram
from training.encoder.convert import encoder_path
from training.encoder.graph import INPUT, STATES, STATISTICS

ENCODER = "whisper-base"
"""The name of the encoder's features, beside openSMILE's feature sets."""

N_LAYERS = 4
"""Layers of the shipped encoder; `docs/experiments.md` says why."""


class EncoderExtractor:
    """Computes the encoder's features.

    Statistics take the place of functionals, and states that of descriptors. They are those that
    the graph of a bundle computes from the same signal.
    """

    def __init__(self) -> None:
        """Load the shipped encoder."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            encoder_path(N_LAYERS), options, providers=["CPUExecutionProvider"]
        )

    def extract(self, signal: Signal) -> Features:
        """Compute statistics and states.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            Statistics, float32, shape (10240,), and states, a row every 80 ms, float16, shape
            (n_states, 2048).

        Raises:
            AudioTooShort: less than 0.1 s.
        """
        inputs = {INPUT: log_mel_spectrogram(resample(signal, SAMPLING_RATE))[np.newaxis]}
        statistics, states = self._session.run([STATISTICS, STATES], inputs)
        return Features(statistics[0], states[0].astype(np.float16))
