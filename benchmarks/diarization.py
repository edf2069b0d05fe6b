"""The speakers of mono recordings: the share of speech that gets the wrong speaker, and the cost.

    python -m benchmarks.diarization nemo/utterances.csv ravdess/utterances.csv emodb/utterances.csv

Each call has two voices of one corpus, mixed into one channel by telephone with noise at 15 dB. A speaker
says one to three utterances, then the other one. The pauses last 0.1 to 1.5 s. No model here was trained to
tell these voices apart. The calls of other seeds served to choose the constants.
"""

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, decode, resample
from app.core.diarization import NumberOfSpeakers, assign_speakers
from app.core.segments import FRAME, Span, find_segments
from app.core.speaker_changes import SpeakerPart, find_parts
from app.core.speaker_encoder import SpeakerEncoder
from app.core.speech import SAMPLING_RATE, SpeechDetector
from app.core.stretches import ChannelDetector
from training.data.call_builder import build_call
from training.data.corpora import csv_file
from training.data.corpora.utterance import Utterance

SECONDS = 130.0
PAUSE = (0.1, 1.5)


@dataclass(frozen=True, slots=True)
class Mix:
    """A mono call of two voices.

    Attributes:
        same_sex: whether the voices have the same sex.
        signal: the call at 8 kHz, shape (1, n_samples).
        speakers: the speaker of each frame of 10 ms: 0, 1, or −1 without speech; shape (n_frames,).
    """

    same_sex: bool
    signal: Signal
    speakers: NDArray[np.int8]


def main() -> None:
    """Measure each corpus, and print one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path, nargs="+", help="utterances.csv of a corpus")
    parser.add_argument("--calls", type=int, default=10, help="calls of each kind; default: %(default)s")
    parser.add_argument("--seed", type=int, default=2, help="default: %(default)s")
    options = parser.parse_args()
    detector, encoder = SpeechDetector(), SpeakerEncoder()
    print("| corpus | voices | calls | wrong speaker | two speakers with `auto` |")
    print("| --- | --- | --- | --- | --- |")
    for path in options.corpora:
        utterances = [one for one in csv_file.read(path) if one.sex]
        for same_sex in (False, True):
            errors, counts = [], []
            for mix in _mixes(utterances, options.calls, options.seed, same_sex=same_sex):
                parts = _parts(mix, detector, encoder)
                errors.append(_error(mix, parts, _assign(parts, 2)))
                counts.append(len(set(_assign(parts, "auto"))))
            kind = "same sex" if same_sex else "different sex"
            right = f"{counts.count(2)} of {len(counts)}"
            print(
                f"| {path.parent.name} | {kind} | {len(errors)} | {100 * np.mean(errors):.1f} % | {right} |",
                flush=True,
            )


def _mixes(utterances: Sequence[Utterance], n_calls: int, seed: int, *, same_sex: bool) -> Iterator[Mix]:
    """Build calls of different pairs of voices."""
    of_speaker: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        of_speaker.setdefault(utterance.speaker, []).append(utterance)
    pairs = [
        pair
        for pair in itertools.combinations(sorted(of_speaker), 2)
        if (of_speaker[pair[0]][0].sex == of_speaker[pair[1]][0].sex) == same_sex
    ]
    random = np.random.default_rng(seed)
    for index in random.permutation(len(pairs))[:n_calls]:
        yield _mix([of_speaker[speaker] for speaker in pairs[index]], random, same_sex=same_sex)


def _mix(voices: Sequence[Sequence[Utterance]], random: np.random.Generator, *, same_sex: bool) -> Mix:
    """Build one call."""
    left = [[voice[index] for index in random.permutation(len(voice))] for voice in voices]
    spoken: list[tuple[int, Signal]] = []
    speaker, seconds = 0, 0.0
    while seconds < SECONDS and all(left):
        for _ in range(min(int(random.integers(1, 4)), len(left[speaker]))):
            signal = decode(left[speaker].pop().path.read_bytes())
            spoken.append((speaker, signal))
            seconds += signal.duration + sum(PAUSE) / 2
        speaker = 1 - speaker
    call = build_call([[(index, signal) for index, (_, signal) in enumerate(spoken)]], random, pause=PAUSE)
    speakers = np.full(call.speech.shape[1], -1, np.int8)
    for turn in call.turns:
        said = slice(round(turn.start / FRAME), round(turn.end / FRAME))
        speakers[said] = np.where(call.speech[0, said], spoken[turn.utterance][0], -1)
    return Mix(same_sex, call.signal, speakers)


def _parts(mix: Mix, detector: SpeechDetector, encoder: SpeakerEncoder) -> list[SpeakerPart]:
    """Find the parts of a call with one speaker each, as the service does."""
    channel = ChannelDetector(detector, mix.signal.sampling_rate)
    frames = np.concatenate([channel.push(mix.signal.samples[0]), channel.finish()])
    samples = resample(mix.signal, SAMPLING_RATE).samples
    parts = []
    for segment in find_segments(frames):
        first, end = segment.context.start, segment.context.end
        n_frame = round(FRAME * SAMPLING_RATE)
        signal = Signal(samples[:, first * n_frame : end * n_frame], SAMPLING_RATE)
        runs = [Span(run.start - first, run.end - first) for run in segment.spoken]
        parts += [
            SpeakerPart(Span(part.span.start + first, part.span.end + first), part.voice)
            for part in find_parts(signal, runs, encoder)
        ]
    return parts


def _assign(parts: Sequence[SpeakerPart], n_speakers: NumberOfSpeakers) -> list[int]:
    """Assign the parts to speakers."""
    return assign_speakers([part.voice for part in parts], [part.span.seconds for part in parts], n_speakers)


def _error(mix: Mix, parts: Sequence[SpeakerPart], found: Sequence[int]) -> float:
    """Return the share of the detected speech that has the wrong speaker, for the better naming."""
    counts = np.zeros((2, 2))
    for part, speaker in zip(parts, found, strict=True):
        said = mix.speakers[part.span.start : part.span.end]
        counts[speaker] += [np.sum(said == 0), np.sum(said == 1)]
    return float(1 - max(np.trace(counts), np.trace(counts[::-1])) / counts.sum())


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"\n{time.perf_counter() - started:.0f} s")
