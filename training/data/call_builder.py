"""Simulated telephone calls, built from labeled utterances.

The speaker, the label and the time of every utterance are known. A call has one channel for each
speaker. A channel holds utterances with pauses between them. A long pause may contain ringing, dialed
digits or music. Noise is added to each channel. The channel then passes through a simulated telephone
line: 300 to 3400 Hz, 8 kHz, G.711, lost packets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.segments import FRAME, runs
from training.data.codecs import TELEPHONE_RATE
from training.data.conditions import colored_noise, lose_packets, telephone

Samples = NDArray[np.float32]

SOUNDS: dict[str, dict[str, Any]] = {
    "telephone": {"decibels": None},
    "noise": {"decibels": 10.0},
    "packet-loss": {"decibels": None, "packet_loss": 0.03},
    "noise-and-packet-loss": {"decibels": 10.0, "packet_loss": 0.03},
}
"""The arguments of `build_call` for each kind of simulated call. Not tuned."""

PAUSE = (0.5, 10.0)
"""The shortest and the longest pause in seconds. Not tuned."""

INTERLUDE_SECONDS = 3.0
"""The length of the shortest pause that may contain ringing, digits or music, in seconds. Not tuned."""

SPEECH_BELOW_LOUD = 30.0
"""The level range of speech in dB: softer frames, relative to the loud ones, are not speech. Not tuned; see
`docs/experiments.md`, "Finding speech in calls"."""

QUIET = 0.3
"""The length of the silence at either end of an interlude, in seconds. Not tuned."""

STROKE = 0.05
"""The length of a drum stroke in seconds. Not tuned."""

SHORT_GAP = 0.3
"""The length in seconds below which a silence within speech, as before a plosive, counts as speech. Not
tuned; see `docs/experiments.md`, "Finding speech in calls"."""

RINGING = ((425.0,), (440.0, 480.0))
"""The ringing tones of most of Europe and of North America in Hz (ITU-T E.180)."""

DIGITS = ((697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0))
"""The row and column frequencies of dialed digits in Hz (ITU-T Q.23)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance in a call.

    Attributes:
        channel: the index of the channel.
        start: the start of the utterance's recording, in seconds from the start of the call.
        end: the end of the utterance's recording, in seconds from the start of the call.
        utterance: the number of the utterance, as given to `build_call`.
    """

    channel: int
    start: float
    end: float
    utterance: int


@dataclass(frozen=True, slots=True)
class Call:
    """A simulated call and its ground truth.

    Attributes:
        signal: the samples at 8 kHz, shape (n_channels, n_samples).
        turns: the utterances of all channels.
        speech: the presence of speech in each channel and frame of 10 ms: bool, shape (n_channels, n_frames).
    """

    signal: Signal
    turns: tuple[Turn, ...]
    speech: NDArray[np.bool_]


def build_call(
    voices: Sequence[Sequence[tuple[int, Signal]]],
    random: np.random.Generator,
    *,
    decibels: float | None = 15.0,
    pause: tuple[float, float] = PAUSE,
    interludes: float = 0.0,
    packet_loss: float = 0.0,
) -> Call:
    """Build a call.

    Args:
        voices: the utterances of each channel, as pairs of a number and a mono signal.
        random: the generator of pauses, interludes, noise and packet losses.
        decibels: the ratio of the speech of each utterance to pink noise, in dB; None adds no noise.
        pause: the shortest and the longest pause before an utterance, in seconds.
        interludes: the share of long pauses that contain ringing, digits or music.
        packet_loss: the share of packets of 20 ms that are lost.

    Returns:
        The call. A channel contains no speech after its last utterance.
    """
    channels = [_lay_out(utterances, random, pause, interludes) for utterances in voices]
    n_samples = max(len(samples) for samples, _, _ in channels)
    signals, turns, speech = [], [], []
    for number, (samples, spans, speaking) in enumerate(channels):
        padded = np.pad(samples, (0, n_samples - len(samples)))
        if decibels is not None:
            padded += _noise(padded, spans, speaking, random, decibels)
        received = telephone(Signal(padded[np.newaxis], TELEPHONE_RATE), random)
        signals.append(lose_packets(received.samples[0], random, packet_loss))
        turns += [Turn(number, start, end, utterance) for start, end, utterance in spans]
        speech.append(np.pad(speaking, (0, n_samples // _frame() - len(speaking))))
    return Call(Signal(np.stack(signals), TELEPHONE_RATE), tuple(turns), np.stack(speech))


def speech_frames(samples: Samples) -> NDArray[np.bool_]:
    """Detect speech by its level in a clean recording of one utterance.

    Args:
        samples: the samples at 8 kHz, shape (n_samples,).

    Returns:
        The presence of speech in each frame of 10 ms, shape (n_samples // 80,).
    """
    frames = samples[: len(samples) // _frame() * _frame()].reshape(-1, _frame())
    power = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    if not len(power):
        return np.zeros(0, np.bool_)
    speaking = power > np.percentile(power, 95) - SPEECH_BELOW_LOUD
    for gap in runs(~speaking):
        if gap.start > 0 and gap.end < len(speaking) and gap.seconds < SHORT_GAP:
            speaking[gap.start : gap.end] = True
    return np.asarray(speaking, np.bool_)


def _lay_out(
    utterances: Sequence[tuple[int, Signal]],
    random: np.random.Generator,
    pause: tuple[float, float],
    interludes: float,
) -> tuple[Samples, list[tuple[float, float, int]], NDArray[np.bool_]]:
    """Return the samples of one channel, the span of each utterance, and the frames with speech."""
    parts: list[Samples] = []
    speaking: list[NDArray[np.bool_]] = []
    spans = []
    loudness = float(np.mean([np.abs(signal.samples).max() for _, signal in utterances]))
    for number, signal in utterances:
        n_pause = int(random.uniform(*pause) / FRAME) * _frame()
        silence = np.zeros(n_pause, np.float32)
        if n_pause >= INTERLUDE_SECONDS * TELEPHONE_RATE and random.random() < interludes:
            silence = loudness * _interlude(n_pause, random)
        said = resample(signal, TELEPHONE_RATE).samples[0]
        said = said[: len(said) // _frame() * _frame()]
        start = (sum(map(len, parts)) + n_pause) / TELEPHONE_RATE
        parts += [silence, said]
        spans.append((start, start + len(said) / TELEPHONE_RATE, number))
        speaking += [np.zeros(n_pause // _frame(), np.bool_), speech_frames(said)]
    return np.concatenate(parts), spans, np.concatenate(speaking)


def _noise(
    samples: Samples,
    spans: Sequence[tuple[float, float, int]],
    speaking: NDArray[np.bool_],
    random: np.random.Generator,
    decibels: float,
) -> Samples:
    """Return pink noise for a channel, at a fixed ratio to the speech of each utterance.

    The level of the noise is interpolated between utterances, similar to the gain control of a
    telephone. Noise at one level for the whole channel would mask an actor's softest utterances.
    """
    noise = colored_noise(len(samples), random, exponent=1.0)
    noise /= np.sqrt((noise**2).mean())
    frames = samples[: len(speaking) * _frame()].reshape(-1, _frame()).astype(np.float64)
    centers, levels = [], []
    for start, end, _ in spans:
        said = slice(round(start / FRAME), round(end / FRAME))
        power = (frames[said][speaking[said]] ** 2).mean()
        centers.append((start + end) / 2 * TELEPHONE_RATE)
        levels.append(10 * np.log10(power + 1e-12) - decibels)
    gain = np.interp(np.arange(len(samples)), centers, levels)
    return np.asarray(noise * 10 ** (gain / 20), np.float32)


def _interlude(n_samples: int, random: np.random.Generator) -> Samples:
    """Return ringing, digits or music with a peak of 0.5. The parameters of the sounds are not tuned."""
    kinds: list[Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]]
    kinds = [_ringing, _digits, _music]
    times = np.arange(n_samples) / TELEPHONE_RATE
    sound = kinds[random.integers(len(kinds))](times, random)
    sound[(times < QUIET) | (times > times[-1] - QUIET)] = 0
    return np.asarray(0.5 * sound / max(float(np.abs(sound).max()), 1e-9), np.float32)


def _ringing(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return a ringing tone: one second of tone in every five."""
    return _tones(times, RINGING[random.integers(len(RINGING))]) * (times % 5 < 1)


def _digits(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return dialed digits: five a second, 100 ms each."""
    sound = np.zeros_like(times)
    for number in range(int(times[-1] * 5)):
        digit = (times * 5 >= number) & (times * 5 < number + 0.5)
        sound[digit] = _tones(times[digit], [random.choice(row) for row in DIGITS])
    return sound


def _music(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return music on hold: chords of plucked strings, a bass and a beat."""
    sound = np.zeros_like(times)
    beat = 60 / random.uniform(80, 130)
    for number in range(int(times[-1] / beat) + 1):
        since = times - number * beat
        sounding = (since >= 0) & (since < 4 * beat)
        root = 110 * 2 ** (random.choice([0, 2, 4, 5, 7, 9]) / 12)
        for step in (-12, 0, random.choice([3, 4]), 7, 12):
            harmonics = sum(
                np.sin(2 * np.pi * root * 2 ** (step / 12) * k * since[sounding]) / k for k in range(1, 7)
            )
            sound[sounding] += harmonics * np.exp(-3 * since[sounding])
        stroke = (since >= 0) & (since < STROKE)
        sound[stroke] += random.standard_normal(int(stroke.sum())) * np.exp(-60 * since[stroke])
    return sound


def _tones(times: NDArray[np.float64], frequencies: Sequence[float]) -> NDArray[np.float64]:
    """Return the sum of sines of equal amplitude."""
    return np.asarray(sum(np.sin(2 * np.pi * frequency * times) for frequency in frequencies), np.float64)


def _frame() -> int:
    """Return the number of samples in a frame."""
    return int(FRAME * TELEPHONE_RATE)
