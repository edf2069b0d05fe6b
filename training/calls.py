"""Telephone calls built of labelled utterances, so that who felt what, and when, is known.

A call has two channels, a voice on each, and on each channel utterances with pauses between. In
the pauses there may be what is in calls besides speech: ringing, dialled digits, music. Noise lies
over all of it, and then comes the telephone: 300 to 3400 Hz, 8 kHz, G.711, lost packets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from training.conditions import TELEPHONE_RATE, telephone

Samples = NDArray[np.float32]

SOUNDS: dict[str, dict[str, Any]] = {
    "telephone": {"decibels": None},
    "noise": {"decibels": 10.0},
    "packet-loss": {"decibels": None, "packet_loss": 0.03},
    "noise-and-packet-loss": {"decibels": 10.0, "packet_loss": 0.03},
}
"""How calls may sound, as arguments of `build_call`."""

FRAME = 0.01
"""Seconds for which it is known whether somebody speaks."""

PAUSE = (0.5, 10.0)  # seconds
INTERLUDE_SECONDS = 3.0  # the shortest pause with something in it
PACKET = 0.02  # seconds; what most telephones send at a time
SPEECH_BELOW_LOUD = 30.0  # dB: what is softer than the loud parts by more is no speech
QUIET = 0.3  # seconds at either end of an interlude
STROKE = 0.05  # seconds; of a drum
SHORT_GAP = 0.3  # seconds; a silence within speech, as before a plosive, that nobody calls a pause
# ITU-T E.180 and Q.23: ringing tone of most of Europe and of North America; digits.
RINGING = ((425.0,), (440.0, 480.0))
DIGITS = ((697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0))


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance in a call.

    Attributes:
        channel: which voice.
        start: where the utterance's recording begins, in seconds from the start of the call.
        end: where it ends.
        utterance: which of the utterances it is.
    """

    channel: int
    start: float
    end: float
    utterance: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and what is true of it.

    Attributes:
        signal: shape (2, n_samples), 8 kHz.
        turns: the utterances.
        speech: whether somebody speaks, by channel and frame of 10 ms: bool, shape (2, n_frames).
    """

    signal: Signal
    turns: tuple[Turn, ...]
    speech: NDArray[np.bool_]


def build_call(
    voices: Sequence[Sequence[tuple[int, Signal]]],
    random: np.random.Generator,
    *,
    decibels: float | None = 15.0,
    interludes: float = 0.0,
    packet_loss: float = 0.0,
) -> Call:
    """Build a call.

    Args:
        voices: for each channel its utterances, numbered, each of one channel.
        random: draws pauses, interludes, noise and losses.
        decibels: the speech of each utterance to noise, pink; None for no noise.
        interludes: the share of long pauses with ringing, digits or music in them.
        packet_loss: the share of packets of 20 ms that are lost.

    Returns:
        The call; a channel is silent once all is said on it.
    """
    channels = [_lay_out(utterances, random, interludes) for utterances in voices]
    n_samples = max(len(samples) for samples, _, _ in channels)
    signals, turns, speech = [], [], []
    for number, (samples, spans, speaking) in enumerate(channels):
        padded = np.pad(samples, (0, n_samples - len(samples)))
        if decibels is not None:
            padded += _noise(padded, spans, speaking, random, decibels)
        heard = telephone(Signal(padded[np.newaxis], TELEPHONE_RATE), random)
        signals.append(lose_packets(heard.samples[0], random, packet_loss))
        turns += [Turn(number, start, end, utterance) for start, end, utterance in spans]
        speech.append(np.pad(speaking, (0, n_samples // _frame() - len(speaking))))
    return Call(Signal(np.stack(signals), TELEPHONE_RATE), tuple(turns), np.stack(speech))


def speech_frames(samples: Samples) -> NDArray[np.bool_]:
    """Where there is speech in a clean recording of one utterance, by its level.

    Args:
        samples: at 8 kHz, shape (n_samples,).

    Returns:
        For each 10 ms, shape (n_samples // 80,).
    """
    frames = samples[: len(samples) // _frame() * _frame()].reshape(-1, _frame())
    power = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    if not len(power):
        return np.zeros(0, np.bool_)
    speaking = power > np.percentile(power, 95) - SPEECH_BELOW_LOUD
    for start, end in spans_of(~speaking):
        if start > 0 and end < len(speaking) and (end - start) * FRAME < SHORT_GAP:
            speaking[start:end] = True
    return np.asarray(speaking, np.bool_)


def spans_of(frames: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs of true frames: start, and end, which is not in it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], frames, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def lose_packets(samples: Samples, random: np.random.Generator, share: float) -> Samples:
    """Silence a share of the packets: the receiver conceals nothing."""
    n_packet = int(PACKET * TELEPHONE_RATE)
    lost = np.repeat(random.random(-(-len(samples) // n_packet)) < share, n_packet)[: len(samples)]
    return np.where(lost, np.float32(0), samples)


def _lay_out(
    utterances: Sequence[tuple[int, Signal]], random: np.random.Generator, interludes: float
) -> tuple[Samples, list[tuple[float, float, int]], NDArray[np.bool_]]:
    """One channel: its samples, where each utterance lies, and the frames with speech."""
    parts: list[Samples] = []
    speaking: list[NDArray[np.bool_]] = []
    spans = []
    loudness = float(np.mean([np.abs(signal.samples).max() for _, signal in utterances]))
    for number, signal in utterances:
        n_pause = int(random.uniform(*PAUSE) / FRAME) * _frame()
        pause = np.zeros(n_pause, np.float32)
        if n_pause >= INTERLUDE_SECONDS * TELEPHONE_RATE and random.random() < interludes:
            pause = loudness * _interlude(n_pause, random)
        said = resample(signal, TELEPHONE_RATE).samples[0]
        said = said[: len(said) // _frame() * _frame()]
        start = (sum(map(len, parts)) + n_pause) / TELEPHONE_RATE
        parts += [pause, said]
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
    """Pink noise as long as the channel, at a ratio to the speech of each utterance.

    Between utterances its level goes from one to the next, as with a telephone's gain control:
    next to the loudest of an actor's utterances, noise by their mean would drown the softest.
    """
    spectrum = np.fft.rfft(random.standard_normal(len(samples)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, len(samples))
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
    """Something in a pause that is not speech; at most 0.5."""
    kinds: list[Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]]
    kinds = [_ringing, _digits, _music]
    times = np.arange(n_samples) / TELEPHONE_RATE
    sound = kinds[random.integers(len(kinds))](times, random)
    sound[(times < QUIET) | (times > times[-1] - QUIET)] = 0
    return np.asarray(0.5 * sound / max(float(np.abs(sound).max()), 1e-9), np.float32)


def _ringing(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """A second of tone in five."""
    return _tones(times, RINGING[random.integers(len(RINGING))]) * (times % 5 < 1)


def _digits(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """A digit of 100 ms five times a second."""
    sound = np.zeros_like(times)
    for number in range(int(times[-1] * 5)):
        digit = (times * 5 >= number) & (times * 5 < number + 0.5)
        sound[digit] = _tones(times[digit], [random.choice(row) for row in DIGITS])
    return sound


def _music(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Chords of plucked strings, a bass and a beat: what one hears on hold."""
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
    """Sines, each as loud as the next."""
    return np.asarray(sum(np.sin(2 * np.pi * frequency * times) for frequency in frequencies), np.float64)


def _frame() -> int:
    """Samples in a frame."""
    return int(FRAME * TELEPHONE_RATE)
