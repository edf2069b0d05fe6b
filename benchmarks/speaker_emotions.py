"""The emotions of mono calls whose speakers are separated, against the same calls in stereo.

    python -m benchmarks.speaker_emotions nemo/utterances.csv ravdess/utterances.csv emodb/utterances.csv

`benchmarks.mono_calls` describes the calls; here, all utterances have one of the five emotions. The stereo
call has the same samples: each utterance is in the channel of its speaker, and the other channel is silent.
Answers adapt to the channel, or to the speaker that was found with `speakers=2`.

The UAR is that of the frames of 10 ms with speech for which both analyses have an answer. The label of a
frame is that of its utterance, and its answer is the emotion of its segment. The second UAR counts segments
instead: each has the label of the utterance that it overlaps most.

With `--cost`, the program prints how much more processor time the separation takes, instead of the table.

A bundle that was trained on the corpora may be used, because both analyses use it. `--bundle` takes another
bundle.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from app.calls.analysis import CallAnalyzer, Limits
from app.calls.options import CallOptions
from app.core.bundle import read_bundle
from app.core.channels import ChannelPolicy
from app.core.recognizer import EmotionRecognizer
from app.core.segments import FRAME
from app.core.speech import SpeechDetector
from app.core.timeline import Segment, Timeline
from app.pool.task import Task, WorkerContext
from benchmarks.mono_calls import Mix, mixes, select_voices
from training.data.corpora import csv_file
from training.data.labels import EMOTIONS, relabel
from training.learning.scores import uar

Answer = TypeVar("Answer")
Labels = NDArray[np.int64]

NONE = -1
N_ROUNDS = 8


class _InProcessPool:
    """A pool that runs each task at once in this process."""

    n_workers = 1

    def __init__(self, bundle: Path) -> None:
        detector = SpeechDetector()
        recognizer = EmotionRecognizer(read_bundle(bundle), detector)
        self._context = WorkerContext({bundle.name: recognizer}, detector)

    async def run(self, task: Task[Answer]) -> Answer:
        """Run a task."""
        return task.run(self._context)


def main() -> None:
    """Measure each corpus, and print one row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path, nargs="+", help="utterances.csv of a corpus")
    parser.add_argument(
        "--bundle", type=Path, default=Path("models/multilingual"), help="default: %(default)s"
    )
    parser.add_argument("--calls", type=int, default=10, help="calls of each kind; default: %(default)s")
    parser.add_argument("--seed", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--cost", action="store_true", help="measure the processor time")
    options = parser.parse_args()
    analyzer = CallAnalyzer(_InProcessPool(options.bundle), Limits(0.1, 7_200, 3_600), ChannelPolicy())
    if options.cost:
        utterances = select_voices(csv_file.read(options.corpora[0]))
        _print_cost(next(mixes(utterances, 1, options.seed, same_sex=False)), analyzer, options.bundle.name)
        return
    print("| corpus | voices | calls | stereo | mono, `speakers=2` | stereo, segments | mono, segments |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for path in options.corpora:
        utterances = relabel(select_voices(csv_file.read(path)))
        for same_sex in (False, True):
            calls = list(mixes(utterances, options.calls, options.seed, same_sex=same_sex))
            scores = _scores(calls, analyzer, options.bundle.name)
            kind = "same sex" if same_sex else "different sex"
            cells = " | ".join(f"{100 * score:.1f} %" for score in scores)
            print(f"| {path.parent.name} | {kind} | {len(calls)} | {cells} |", flush=True)


def _scores(calls: Sequence[Mix], analyzer: CallAnalyzer, model: str) -> list[float]:
    """Return the UAR of frames in stereo and in mono, then the UAR of segments in stereo and in mono."""
    truth, found = [], []
    segments: tuple[list[tuple[int, int]], ...] = ([], [])
    for mix in calls:
        timelines = [
            _analyze(analyzer, model, _stereo(mix), CallOptions()),
            _analyze(analyzer, model, mix.signal.samples, CallOptions(speakers=2)),
        ]
        truth.append(_labels(mix))
        found.append([_answers(mix, timeline) for timeline in timelines])
        for own, timeline in zip(segments, timelines, strict=True):
            own.extend(_by_segment(mix, timeline))
    labels, answers = np.concatenate(truth), np.concatenate(found, axis=1)
    both = (labels != NONE) & (answers != NONE).all(axis=0)
    return [uar(labels[both], own[both]) for own in answers] + [uar(*np.array(pairs).T) for pairs in segments]


def _print_cost(mix: Mix, analyzer: CallAnalyzer, model: str) -> None:
    """Print the further processor time of the separation, for one call."""
    ratios = []
    for number in range(N_ROUNDS + 1):
        seconds = []
        for options in (CallOptions(), CallOptions(speakers=2)):
            started = time.process_time()
            _analyze(analyzer, model, mix.signal.samples, options)
            seconds.append(time.process_time() - started)
        if number:  # the first round loads the networks
            ratios.append(seconds[1] / seconds[0] - 1)
    print(
        f"{mix.signal.duration:.0f} s of mono: the separation adds {statistics.median(ratios):.0%} "
        f"({min(ratios):.0%} to {max(ratios):.0%}) to the processor time"
    )


def _analyze(
    analyzer: CallAnalyzer, model: str, samples: NDArray[np.float32], options: CallOptions
) -> Timeline:
    """Analyze a call as the service does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.wav"
        soundfile.write(path, samples.T, 8_000)
        return asyncio.run(analyzer.analyze(path, model, options))


def _stereo(mix: Mix) -> NDArray[np.float32]:
    """Return the samples of the call with one channel for each speaker."""
    n_frame = round(FRAME * mix.signal.sampling_rate)
    stereo = np.repeat(mix.signal.samples, 2, axis=0)
    for one in mix.said:
        stereo[1 - one.speaker, one.start * n_frame : one.end * n_frame] = 0
    return stereo


def _labels(mix: Mix) -> Labels:
    """Return the label of each frame; −1 without speech."""
    labels = np.full(len(mix.speech), NONE)
    for one in mix.said:
        spoken = mix.speech[one.start : one.end]
        labels[one.start : one.end] = np.where(spoken, EMOTIONS.index(one.emotion), NONE)
    return labels


def _answers(mix: Mix, timeline: Timeline) -> Labels:
    """Return the answer for each frame, in stereo that of the speaker's channel; −1 outside of segments."""
    speakers, answers = mix.speakers, np.full(len(mix.speech), NONE)
    for row in timeline.channels:
        for segment in row.segments:
            start, end = _frames(segment)
            own = (speakers[start:end] == row.channel) | (row.speaker is not None)
            answers[start:end] = np.where(own, _answer(segment), answers[start:end])
    return answers


def _by_segment(mix: Mix, timeline: Timeline) -> list[tuple[int, int]]:
    """Return the label and the answer of each segment that overlaps an utterance."""
    labels, pairs = _labels(mix), []
    for row in timeline.channels:
        for segment in row.segments:
            start, end = _frames(segment)
            said = [one for one in mix.said if row.speaker is not None or one.speaker == row.channel]
            overlaps = [np.sum(labels[max(one.start, start) : min(one.end, end)] != NONE) for one in said]
            if max(overlaps) > 0:
                label = EMOTIONS.index(said[int(np.argmax(overlaps))].emotion)
                pairs.append((label, _answer(segment)))
    return pairs


def _frames(segment: Segment) -> tuple[int, int]:
    """Return the first frame of a segment, and the first frame after it."""
    return round(segment.start / FRAME), round(segment.end / FRAME)


def _answer(segment: Segment) -> int:
    """Return the index of the emotion of a segment."""
    return EMOTIONS.index(max(segment.probabilities, key=segment.probabilities.__getitem__))


if __name__ == "__main__":
    main()
