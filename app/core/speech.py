"""Where in a signal somebody speaks, by Silero's detector.

The network is the file `silero_vad_16k_sequence.onnx` of silero-vad 6.2.3 (MIT licence, beside it
here), whose package needs torch; ONNX Runtime is here anyway. It hears 32 ms at a time with the 4
ms before, and remembers. docs/experiments.md compares it with other detectors.
"""

from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.segments import FRAME, Frames, runs

SAMPLING_RATE = 16_000  # Hz
CHUNK, BEFORE = 512, 64  # samples that the network hears at a time, and those before that it hears again
MEMORY = (1, 1, 128)

# Speech begins above one probability and goes on above the other. The network notices it late.
BEGINS, GOES_ON = 0.5, 0.35
LEAD = 0.08  # seconds
# What is hardly louder than the background, and not near to anything that is, needs no network.
ABOVE_BACKGROUND = 6.0  # dB over the 10th percentile of the chunks
NEAR = 10  # chunks
SILENCE = 1e-7  # mean power, −70 dBFS; a signal below is silent whatever its background
FIRST_LOOK = 10  # chunks around the loudest, in which there is mostly speech if there is any

Samples = NDArray[np.float32]


class SpeechDetector:
    """Finds speech. Use it in the thread it was made in."""

    def __init__(self) -> None:
        """Load the network."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it keeps as much as the longest signal took
        options.log_severity_level = 3  # it warns of weights that it does not need
        path = Path(__file__).with_name("silero_vad.onnx")
        self._network = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def detect(self, signal: Signal) -> Frames:
        """Find the speech in a signal.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            Whether there is speech, for each whole 10 ms: bool, shape (n_frames,).
        """
        chunks = _chunks(signal)
        probabilities = np.zeros(len(chunks), np.float32)
        for run in runs(_may_be_speech(chunks)):
            probabilities[run.start : run.end] = self._probabilities(chunks[run.start : run.end])
        frames = np.arange(int(signal.duration / FRAME))
        chunk_of_frame = ((frames + 0.5) * FRAME * SAMPLING_RATE / CHUNK).astype(int)
        found = _speech(probabilities)[np.minimum(chunk_of_frame, len(chunks) - 1)]
        for run in runs(found):
            found[max(run.start - round(LEAD / FRAME), 0) : run.start] = True
        return cast("Frames", found)

    def has_speech(self, signal: Signal) -> bool:
        """Whether somebody speaks in a signal.

        Args:
            signal: one channel, at any sampling rate, at least one sample.
        """
        chunks = _chunks(signal)
        power = _power(chunks)
        if power.max() < SILENCE:
            return False
        loudest = int(power.argmax())
        first = chunks[max(loudest - FIRST_LOOK // 2, 0) : loudest + FIRST_LOOK // 2]
        # One chunk will do: who sends an utterance means it to be one, were it a whispered word.
        return any(self._probabilities(part).max() > GOES_ON for part in (first, chunks))

    def _probabilities(self, chunks: Samples) -> Samples:
        """The probability of speech in each of some chunks that follow each other, shape (n,)."""
        padded = np.concatenate([np.zeros(BEFORE, np.float32), chunks.reshape(-1)])
        heard = np.lib.stride_tricks.sliding_window_view(padded, BEFORE + CHUNK)[::CHUNK]
        memory = np.zeros(MEMORY, np.float32)
        (probabilities,) = self._network.run(["speech_probs"], {"input": heard, "h": memory, "c": memory})
        return cast("Samples", probabilities)


def _chunks(signal: Signal) -> Samples:
    """The signal at 16 kHz, cut in chunks, the last filled with silence: shape (n, CHUNK), n ≥ 1."""
    samples = resample(signal, SAMPLING_RATE).samples[0]
    n_chunks = max(-(-len(samples) // CHUNK), 1)
    return np.pad(samples, (0, n_chunks * CHUNK - len(samples))).reshape(n_chunks, CHUNK)


def _power(chunks: Samples) -> NDArray[np.float64]:
    """The mean square of each chunk around its mean."""
    return cast("NDArray[np.float64]", chunks.var(axis=1, dtype=np.float64))


def _may_be_speech(chunks: Samples) -> Frames:
    """Chunks that are near to one louder than the background, shape (n,)."""
    power = _power(chunks)
    background = np.percentile(power, 10) * 10 ** (ABOVE_BACKGROUND / 10)
    loud = power > max(background, SILENCE)
    return np.convolve(loud, np.ones(2 * NEAR + 1))[NEAR:-NEAR] > 0


def _speech(probabilities: Samples) -> Frames:
    """The runs of chunks above one threshold that reach the other somewhere."""
    speech = probabilities > GOES_ON
    for run in runs(speech):
        if probabilities[run.start : run.end].max() <= BEGINS:
            speech[run.start : run.end] = False
    return speech
