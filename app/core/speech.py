"""Detection of speech in a signal, with the network of Silero.

The network is the file `silero_vad_16k_sequence.onnx` of silero-vad 6.2.3 (MIT license, in this folder).
The package of Silero needs torch, so that this module runs the network in ONNX Runtime instead. The network
reads chunks of 32 ms, each with the 4 ms before, and keeps a state. docs/experiments.md compares the network
with other detectors.
"""

from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.segments import FRAME, Frames, runs

SAMPLING_RATE = 16_000  # Hz
CHUNK, BEFORE = 512, 64  # samples in a chunk, and samples of the previous chunk that precede it
MEMORY = (1, 1, 128)

# Speech begins above the first probability and continues above the second. The network reacts late, so that
# the start is moved LEAD seconds earlier. "Finding speech in calls" in docs/experiments.md chose all three.
BEGINS, GOES_ON = 0.5, 0.35
LEAD = 0.08  # seconds
# A chunk skips the network if neither the chunk nor a chunk near it is much louder than the background. The
# same section measures the effect.
ABOVE_BACKGROUND = 6.0  # dB over the 10th percentile of the chunks
NEAR = 10  # chunks
SILENCE = 1e-7  # mean power, −70 dBFS; a signal below this power is silent regardless of its background
FIRST_LOOK = 10  # chunks around the loudest chunk, which usually contain speech if the signal does

Samples = NDArray[np.float32]


class SpeechDetector:
    """A detector of speech.

    Not thread-safe: use an instance only in the thread that created it.
    """

    def __init__(self) -> None:
        """Load the network."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena would keep the memory of the longest signal
        options.log_severity_level = 3  # hides warnings about unused weights
        path = Path(__file__).with_name("silero_vad.onnx")
        self._network = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def detect(self, signal: Signal) -> Frames:
        """Find the speech in a signal.

        Args:
            signal: a signal of one channel, at any sampling rate.

        Returns:
            Whether each complete frame of 10 ms contains speech: bool, shape (n_frames,).
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
        """Return whether a signal contains speech.

        Args:
            signal: a signal of one channel, at any sampling rate, with at least one sample.
        """
        chunks = _chunks(signal)
        power = _power(chunks)
        if power.max() < SILENCE:
            return False
        loudest = int(power.argmax())
        first = chunks[max(loudest - FIRST_LOOK // 2, 0) : loudest + FIRST_LOOK // 2]
        # One chunk is enough: a caller who sends an utterance expects an answer, even for a whispered word.
        return any(self._probabilities(part).max() > GOES_ON for part in (first, chunks))

    def _probabilities(self, chunks: Samples) -> Samples:
        """Return the probability of speech in each of n consecutive chunks, shape (n,)."""
        padded = np.concatenate([np.zeros(BEFORE, np.float32), chunks.reshape(-1)])
        heard = np.lib.stride_tricks.sliding_window_view(padded, BEFORE + CHUNK)[::CHUNK]
        memory = np.zeros(MEMORY, np.float32)
        (probabilities,) = self._network.run(["speech_probs"], {"input": heard, "h": memory, "c": memory})
        return cast("Samples", probabilities)


def _chunks(signal: Signal) -> Samples:
    """Cut the signal at 16 kHz into chunks and pad the last chunk with silence: shape (n, CHUNK), n ≥ 1."""
    samples = resample(signal, SAMPLING_RATE).samples[0]
    n_chunks = max(-(-len(samples) // CHUNK), 1)
    return np.pad(samples, (0, n_chunks * CHUNK - len(samples))).reshape(n_chunks, CHUNK)


def _power(chunks: Samples) -> NDArray[np.float64]:
    """Return the variance of each chunk."""
    return cast("NDArray[np.float64]", chunks.var(axis=1, dtype=np.float64))


def _may_be_speech(chunks: Samples) -> Frames:
    """Select the chunks near a chunk that is louder than the background, bool, shape (n,)."""
    power = _power(chunks)
    background = np.percentile(power, 10) * 10 ** (ABOVE_BACKGROUND / 10)
    loud = power > max(background, SILENCE)
    return np.convolve(loud, np.ones(2 * NEAR + 1))[NEAR:-NEAR] > 0


def _speech(probabilities: Samples) -> Frames:
    """Select the runs of chunks above `GOES_ON` in which at least one chunk is above `BEGINS`."""
    speech = probabilities > GOES_ON
    for run in runs(speech):
        if probabilities[run.start : run.end].max() <= BEGINS:
            speech[run.start : run.end] = False
    return speech
