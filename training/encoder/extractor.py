"""The encoder as a feature extractor, so that heads are trained like all other models."""

import numpy as np
import onnxruntime

from app.core.audio import Signal, resample
from app.core.features import FeatureValues
from app.core.log_mel import SAMPLING_RATE, log_mel_spectrogram
from training.encoder.convert import encoder_path
from training.encoder.graph import INPUT, STATES, STATISTICS

ENCODER = "whisper-base"
"""The name of the encoder's feature set, beside those of openSMILE."""

N_LAYERS = 4
"""The number of layers of the shipped encoder; chosen in `docs/experiments.md`, "Layers"."""


class EncoderExtractor:
    """A feature extractor that runs the encoder.

    It returns statistics as functionals and states as descriptors. The graph of a bundle computes the same
    values from the same signal.
    """

    def __init__(self) -> None:
        """Load the shipped encoder."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            encoder_path(N_LAYERS), options, providers=["CPUExecutionProvider"]
        )

    def extract(self, signal: Signal) -> FeatureValues:
        """Compute statistics and states.

        Args:
            signal: a mono signal at any sampling rate.

        Returns:
            The statistics, float32, shape (10240,), and the states, one every 80 ms, float16, shape
            (n_states, 2048).

        Raises:
            AudioTooShort: the signal is shorter than 0.1 s.
        """
        inputs = {INPUT: log_mel_spectrogram(resample(signal, SAMPLING_RATE))[np.newaxis]}
        statistics, states = self._session.run([STATISTICS, STATES], inputs)
        return FeatureValues(statistics[0], states[0].astype(np.float16))
