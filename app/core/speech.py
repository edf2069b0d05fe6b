"""Detection of speech in a signal, with the network of Silero.

The network is that of silero-vad 6.2.3 (MIT license, in this folder). Its package needs torch, so that this
module runs the network in ONNX Runtime instead; `training.encoder.speech_detector` writes the graph. The
network reads chunks of 32 ms, each with the 4 ms before, and keeps a state. docs/experiments.md compares the
network with other detectors.

The detection is causal: a frame depends only on the samples up to a fraction of a second later. Its result
does not depend on the way in which the samples are divided, so a live stream has the same speech as its
recording.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.segments import FRAME, Frames, count_frames, runs

SAMPLING_RATE = 16_000  # Hz
CHUNK, BEFORE = 512, 64  # samples in a chunk, and samples of the previous chunk that precede it
WINDOW, HOP = 256, 128  # samples of a frame of the spectrum, and samples between two frames
FRAMES_OF_CHUNK = 4
REFLECTED = 64  # samples after a chunk that mirror its last ones
MEMORY = (1, 1, 128)  # shape of the hidden state and of the cell state
OUTPUTS = ("speech_probs", "hn", "cn")

# Speech begins above the first probability and continues above the second. The network reacts late, so that
# the start is moved LEAD_FRAMES earlier. "Finding speech in calls" in docs/experiments.md chose all three.
BEGINS, GOES_ON = 0.5, 0.35
LEAD_FRAMES = 8
# A chunk skips the network unless one of the chunks around it is much louder than the background. The same
# section measures the effect.
ABOVE_BACKGROUND = 6.0  # dB
BEFORE_LOUD, AFTER_LOUD = 6, 10  # chunks before and after a loud chunk that the network receives
AROUND = np.ones(AFTER_LOUD + 1 + BEFORE_LOUD, np.bool_)
SILENCE = 1e-7  # mean power, −70 dBFS; a signal below this power is silent regardless of its background
FIRST_LOOK = 10  # chunks around the loudest chunk, which usually contain speech if the signal does

Samples = NDArray[np.float32]


class SpeechDetector:
    """A detector of speech. Thread-safe, since ONNX Runtime is."""

    def __init__(self) -> None:
        """Load the network."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena would keep the memory of the longest signal
        options.log_severity_level = 3  # hides warnings about unused weights
        path = Path(__file__).with_name("silero_vad.onnx")
        self._network = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def stream(self, sampling_rate: int, background: float = 0.0) -> "SpeechStream":
        """Start the detection in a signal that arrives in pieces.

        Args:
            sampling_rate: the sampling rate of the signal, in Hz.
            background: the mean power of the background; 0 if it is unknown.
        """
        return SpeechStream(self, sampling_rate, background)

    def detect(self, signal: Signal, background: float = 0.0) -> Frames:
        """Find the speech in a signal.

        Args:
            signal: a signal of one channel, at any sampling rate.
            background: the mean power of the background; 0 if it is unknown.

        Returns:
            Whether each complete frame of 10 ms contains speech: bool, shape (n_frames,).
        """
        stream = self.stream(signal.sampling_rate, background)
        return np.concatenate([stream.push(signal.samples[0]), stream.finish()])

    def has_speech(self, signal: Signal) -> bool:
        """Return whether a signal contains speech.

        Args:
            signal: a signal of one channel, at any sampling rate, with at least one sample.
        """
        samples = resample(signal, SAMPLING_RATE).samples[0]
        chunks = _chunks(np.pad(samples, (0, -len(samples) % CHUNK)))
        power = _power(chunks)
        if power.max() < SILENCE:
            return False
        loudest = int(power.argmax())
        first = chunks[max(loudest - FIRST_LOOK // 2, 0) : loudest + FIRST_LOOK // 2]
        # One chunk is enough: a caller who sends an utterance expects an answer, even for a whispered word.
        return any(self.probabilities(part, State())[0].max() > GOES_ON for part in (first, chunks))

    def probabilities(self, chunks: Samples, state: "State") -> tuple[Samples, "State"]:
        """Run the network on consecutive chunks.

        Args:
            chunks: the chunks at 16 kHz, float32, shape (n, 512), n > 0.
            state: the state after the chunk before.

        Returns:
            The probability of speech in each chunk, float32, shape (n,), and the new state.
        """
        frames = _frames_with_context(chunks, state.before)
        inputs = {"frames": frames, "h": state.hidden, "c": state.cell}
        probabilities, hidden, cell = self._network.run(OUTPUTS, inputs)
        return cast("Samples", probabilities), State(chunks[-1, -BEFORE:], hidden, cell)


@dataclass(frozen=True, slots=True)
class State:
    """The state of the network between two chunks.

    Attributes:
        before: the last samples of the chunk before, shape (64,).
        hidden: the hidden state of the recurrent layer.
        cell: the cell state of the recurrent layer.
    """

    before: Samples = field(default_factory=lambda: np.zeros(BEFORE, np.float32))
    hidden: Samples = field(default_factory=lambda: np.zeros(MEMORY, np.float32))
    cell: Samples = field(default_factory=lambda: np.zeros(MEMORY, np.float32))


class SpeechStream:
    """The detection of speech in a signal of one channel that arrives in pieces."""

    def __init__(self, detector: SpeechDetector, sampling_rate: int, background: float) -> None:
        """Start before the first sample."""
        self._detector = detector
        self._sampling_rate = sampling_rate
        self._loud = max(background * 10 ** (ABOVE_BACKGROUND / 10), SILENCE)
        self._resampler: soxr.ResampleStream | None = None
        """The resampler, which takes 50 KB; None before the first sample, or if the rate is 16 kHz."""
        self._n_samples = self._n_frames = 0
        """The numbers of samples received and of frames returned."""
        self._samples = np.zeros(0, np.float32)
        """The samples at 16 kHz of the incomplete chunk."""
        self._waiting = np.zeros((0, CHUNK), np.float32)
        """The chunks that a loud chunk may follow soon."""
        self._loud_before = np.zeros(AFTER_LOUD, np.bool_)
        """Whether each of the chunks before them is loud."""
        self._state = State()
        self._probabilities = np.zeros(0, np.float32)
        """The probability of each chunk that the next frames depend on."""
        self._n_dropped = 0
        """The number of chunks before them."""

    def push(self, samples: Samples) -> Frames:
        """Add samples.

        Args:
            samples: the next samples, float32, shape (n,).

        Returns:
            Whether each of the next frames of 10 ms contains speech; only frames that are certain.
        """
        self._n_samples += len(samples)
        return self._advance(samples, last=False)

    def finish(self) -> Frames:
        """Return whether each of the remaining complete frames contains speech."""
        return self._advance(np.zeros(0, np.float32), last=True)

    def _advance(self, samples: Samples, *, last: bool) -> Frames:
        """Run the network on the complete chunks, and return the frames that became certain."""
        if self._sampling_rate != SAMPLING_RATE:
            if self._resampler is None:
                self._resampler = soxr.ResampleStream(self._sampling_rate, SAMPLING_RATE, 1, dtype="float32")
            samples = self._resampler.resample_chunk(samples, last=last)
        samples = np.concatenate([self._samples, samples])
        if last:
            samples = np.pad(samples, (0, -len(samples) % CHUNK))
        n_complete = len(samples) // CHUNK * CHUNK
        self._samples = samples[n_complete:]
        if not n_complete and not last:
            return np.zeros(0, np.bool_)
        self._recognize(_chunks(samples[:n_complete]), last=last)
        frames = self._certain_frames(last=last)
        self._drop_chunks()
        return frames

    def _recognize(self, chunks: Samples, *, last: bool) -> None:
        """Compute the probabilities of the chunks that no later chunk affects."""
        waiting = np.concatenate([self._waiting, chunks])
        if not len(waiting):
            return
        loud = np.concatenate(
            [self._loud_before, _power(waiting) > self._loud, np.zeros(BEFORE_LOUD, np.bool_)]
        )
        near = np.convolve(loud, AROUND, "valid")
        n_certain = len(near) if last else max(len(near) - BEFORE_LOUD, 0)
        if near.any():
            n_certain = max(n_certain, int(np.flatnonzero(near)[-1]) + 1)
        probabilities = np.zeros(n_certain, np.float32)
        state = self._state
        for run in runs(near[:n_certain]):
            if run.start > 0:
                state = State()
            probabilities[run.start : run.end], state = self._detector.probabilities(
                waiting[run.start : run.end], state
            )
        if n_certain:
            self._state = state if near[n_certain - 1] else State()
        self._probabilities = np.concatenate([self._probabilities, probabilities])
        self._waiting, self._loud_before = waiting[n_certain:], loud[n_certain : n_certain + AFTER_LOUD]

    def _certain_frames(self, *, last: bool) -> Frames:
        """Return the frames that are certain and were not returned yet."""
        speech = _speech(self._probabilities)
        n_chunks = len(speech)
        if not last and n_chunks and self._probabilities[-1] > GOES_ON and not speech[-1]:
            # A later chunk may make this run speech.
            n_chunks = runs(self._probabilities > GOES_ON)[-1].start
        first, end = _frames_of(self._n_dropped), _frames_of(self._n_dropped + n_chunks)
        if last:
            end = count_frames(self._n_samples, self._sampling_rate)
        chunk_of_frame = _chunks_of(np.arange(first, end)) - self._n_dropped
        if n_chunks:
            frames = speech[np.minimum(chunk_of_frame, n_chunks - 1)]
        else:
            frames = np.zeros(max(end - first, 0), np.bool_)
        for run in runs(frames):
            frames[max(run.start - LEAD_FRAMES, 0) : run.start] = True
        # Speech may begin after the last frames, unless they are speech already.
        n_certain = end if last or (len(frames) and frames[-1]) else end - LEAD_FRAMES
        certain = frames[self._n_frames - first : max(n_certain, self._n_frames) - first]
        self._n_frames += len(certain)
        return certain

    def _drop_chunks(self) -> None:
        """Drop the chunks before the next frame, except those of a run that contains the next frame."""
        n_before = int(_chunks_of(np.array(self._n_frames))) - self._n_dropped
        n_before = min(n_before, len(self._probabilities) - 1)
        while n_before > 0 and self._probabilities[n_before] > GOES_ON:
            n_before -= 1
        if n_before > 0:
            self._probabilities = self._probabilities[n_before:]
            self._n_dropped += n_before


def _chunks(samples: Samples) -> Samples:
    """Divide whole chunks: shape (n * 512,) to (n, 512)."""
    return samples.reshape(-1, CHUNK)


def _chunks_of(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the chunk that contains the middle of each frame."""
    return ((frames + 0.5) * FRAME * SAMPLING_RATE / CHUNK).astype(np.int64)


def _frames_of(n_chunks: int) -> int:
    """Return the number of frames whose middle is in the first chunks."""
    return int(np.ceil(n_chunks * CHUNK / (FRAME * SAMPLING_RATE) - 0.5))


def _frames_with_context(chunks: Samples, before: Samples) -> Samples:
    """Divide each chunk into overlapping frames, shape (n, 4, 256).

    The first frame begins with samples before the chunk, and the last one ends with mirrored samples.
    """
    extended = np.empty((len(chunks), BEFORE + CHUNK + REFLECTED), np.float32)
    extended[0, :BEFORE] = before
    extended[1:, :BEFORE] = chunks[:-1, -BEFORE:]
    extended[:, BEFORE:-REFLECTED] = chunks
    extended[:, -REFLECTED:] = chunks[:, -2 : -REFLECTED - 2 : -1]
    of_chunk, of_sample = extended.strides
    shape, strides = (len(chunks), FRAMES_OF_CHUNK, WINDOW), (of_chunk, HOP * of_sample, of_sample)
    return np.lib.stride_tricks.as_strided(extended, shape, strides).copy()


def _power(chunks: Samples) -> NDArray[np.float64]:
    """Return the variance of each chunk."""
    return cast("NDArray[np.float64]", chunks.var(axis=1, dtype=np.float64))


def _speech(probabilities: Samples) -> Frames:
    """Select the runs of chunks above `GOES_ON` in which at least one chunk is above `BEGINS`."""
    speech = probabilities > GOES_ON
    for run in runs(speech):
        if probabilities[run.start : run.end].max() <= BEGINS:
            speech[run.start : run.end] = False
    return speech
