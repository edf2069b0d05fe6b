"""The speakers of mono recordings: the share of speech that gets the wrong speaker.

    python -m benchmarks.diarization nemo/utterances.csv ravdess/utterances.csv emodb/utterances.csv

`benchmarks.mono_calls` describes the calls. No model here was trained on their voices, and none of them
chose a constant of the separation. With `--validation`, the calls have the voices that chose the constants.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.core.audio import Signal, resample
from app.core.diarization import NumberOfSpeakers, assign_speakers
from app.core.segments import FRAME, Span, find_segments
from app.core.speaker_changes import SpeakerPart, find_parts
from app.core.speaker_encoder import SpeakerEncoder
from app.core.speech import SAMPLING_RATE, SpeechDetector
from app.core.stretches import ChannelDetector
from benchmarks.mono_calls import Mix, mixes, select_voices
from training.data.corpora import csv_file


def main() -> None:
    """Measure each corpus, and print one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path, nargs="+", help="utterances.csv of a corpus")
    parser.add_argument("--calls", type=int, default=10, help="calls of each kind; default: %(default)s")
    parser.add_argument("--seed", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--validation", action="store_true", help="use the voices that chose the constants")
    options = parser.parse_args()
    detector, encoder = SpeechDetector(), SpeakerEncoder()
    print("| corpus | voices | calls | wrong speaker | two speakers with `auto` |")
    print("| --- | --- | --- | --- | --- |")
    for path in options.corpora:
        utterances = select_voices(csv_file.read(path), validation=options.validation)
        for same_sex in (False, True):
            errors, counts = [], []
            for mix in mixes(utterances, options.calls, options.seed, same_sex=same_sex):
                parts = _parts(mix, detector, encoder)
                errors.append(_error(mix, parts, _assign(parts, 2)))
                counts.append(len(set(_assign(parts, "auto"))))
            kind = "same sex" if same_sex else "different sex"
            right = f"{counts.count(2)} of {len(counts)}"
            print(
                f"| {path.parent.name} | {kind} | {len(errors)} | {100 * np.mean(errors):.1f} % | {right} |",
                flush=True,
            )


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
