"""The quality of whole calls: detection of speech, and recognition compared with single utterances.

    python -m benchmarks.calls CSV [CSV …]

The calls are built from utterances of corpora (CSV files in the format of `python -m training`): one
speaker on each channel, pauses of 0.5 to 10 s, pink noise, 8 kHz, mu-law. The service analyzes each call
with the networks of a fold whose training data has neither speaker. The benchmark first cross-validates
the default model, which takes half an hour unless the results are cached.
"""

import http.client
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from app.core.audio import Signal, decode
from app.core.segments import FRAME, runs
from benchmarks.held_out import cross_validated, write_bundles
from benchmarks.serving import OK, RAW, Running, running
from training.data.call_builder import Call, build_call
from training.data.corpora import READERS, Utterance
from training.data.labels import EMOTIONS

Pair = tuple[list[Utterance], list[Utterance]]

N_UTTERANCES = 15  # per speaker
TOLERANCE = 0.05  # seconds on each side of a boundary that the scores ignore
COVERED = 0.5  # smallest share of the speech of a covered utterance that lies in segments
SOUNDS: dict[str, dict[str, Any]] = {
    "noise at 15 dB": {"decibels": 15.0},
    "no noise": {"decibels": None},
    "noise at 20 dB": {"decibels": 20.0},
    "noise at 10 dB": {"decibels": 10.0},
    "noise at 5 dB": {"decibels": 5.0},
    "15 dB, ringing, digits, music in 60 % of long pauses": {"decibels": 15.0, "interludes": 0.6},
    "15 dB, 3 % of packets lost": {"decibels": 15.0, "packet_loss": 0.03},
}


def main() -> None:
    """Run the measurements and print the results."""
    corpora = [utterance for path in sys.argv[1:] for utterance in READERS["csv"](Path(path))]
    dataset, results = cross_validated(corpora)
    with tempfile.TemporaryDirectory() as models:
        held_out = write_bundles(dataset, results, Path(models))
        settings = {"SER_MODELS_DIR": models, "SER_DEFAULT_MODEL": next(iter(held_out))}
        with running(**settings) as service:
            pairs = [(model, pair) for model, part in held_out.items() for pair in pair_voices(part)]
            for name, sounds in SOUNDS.items():
                random = np.random.default_rng(7)
                calls = [build_call([load(voice) for voice in pair], random, **sounds) for _, pair in pairs]
                answers = [
                    post(service, encode(call.signal), model)
                    for call, (model, _) in zip(calls, pairs, strict=True)
                ]
                print(f"{name}: {detection(calls, answers)}", flush=True)
                if sounds == SOUNDS["noise at 15 dB"]:
                    print(f"    {recognition(service, pairs, calls, answers)}", flush=True)


def pair_voices(utterances: Sequence[Utterance]) -> Iterator[Pair]:
    """Draw two speakers for each call and some utterances of each, with a fixed seed."""
    random = np.random.default_rng(1)
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    voices = [
        [by_speaker[speaker][index] for index in random.permutation(len(by_speaker[speaker]))[:N_UTTERANCES]]
        for speaker in random.permutation(sorted(by_speaker)).tolist()
    ]
    yield from zip(voices[::2], voices[1::2], strict=False)


def load(voice: Sequence[Utterance]) -> list[tuple[int, Signal]]:
    """Decode the recordings of a speaker, and number them."""
    return [(number, decode(utterance.path.read_bytes())) for number, utterance in enumerate(voice)]


def encode(signal: Signal) -> bytes:
    """Encode a signal as a mu-law WAV file."""
    file = io.BytesIO()
    soundfile.write(file, signal.samples.T, signal.sampling_rate, "ULAW", format="WAV")
    return file.getvalue()


def post(service: Running, body: bytes, model: str = "", path: str = "/v1/audio/timeline") -> dict[str, Any]:
    """Post a call, or an utterance to another path, and return the answer of the service."""
    client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=3600)
    client.request("POST", f"{path}?model={model}" if model else path, body, RAW)
    response = client.getresponse()
    content = response.read()
    if response.status != OK:
        raise RuntimeError(content.decode())
    answer: dict[str, Any] = json.loads(content)
    return answer


def detection(calls: Sequence[Call], answers: Sequence[dict[str, Any]]) -> str:
    """Measure the F1 of speech per frame, and the share of the utterances that segments cover."""
    hits = alarms = misses = covered = n_utterances = 0
    for call, answer in zip(calls, answers, strict=True):
        for number, speech in enumerate(call.speech):
            detected = np.zeros_like(speech)
            for segment in answer["channels"][number]["segments"]:
                detected[round(segment["start"] / FRAME) : round(segment["end"] / FRAME)] = True
            counted = away_from_boundaries(speech)
            hits += int((detected & speech & counted).sum())
            alarms += int((detected & ~speech & counted).sum())
            misses += int((~detected & speech & counted).sum())
            for turn in (turn for turn in call.turns if turn.channel == number):
                frames = slice(round(turn.start / FRAME), round(turn.end / FRAME))
                n_utterances += 1
                covered += bool(detected[frames][speech[frames]].mean() >= COVERED)
    f1 = 2 * hits / (2 * hits + alarms + misses)
    return (
        f"F1 {f1:.3f} (precision {hits / (hits + alarms):.3f}, recall {hits / (hits + misses):.3f}); "
        f"{covered} of {n_utterances} utterances covered"
    )


def recognition(
    service: Running,
    pairs: Sequence[tuple[str, Pair]],
    calls: Sequence[Call],
    answers: Sequence[dict[str, Any]],
) -> str:
    """Measure the UAR of the utterances as segments of the call, and as separately posted excerpts."""
    truth, by_segments, by_excerpts = [], [], []
    for (model, pair), call, answer in zip(pairs, calls, answers, strict=True):
        for turn in call.turns:
            segments = answer["channels"][turn.channel]["segments"]
            totals = dict.fromkeys(EMOTIONS, 0.0)
            for segment in segments:
                seconds = min(segment["end"], turn.end) - max(segment["start"], turn.start)
                for emotion in totals:
                    totals[emotion] += max(seconds, 0) * segment["probabilities"][emotion]
            rate = call.signal.sampling_rate
            excerpt = call.signal.samples[turn.channel, round(turn.start * rate) : round(turn.end * rate)]
            response = post(service, encode(Signal(excerpt[np.newaxis], rate)), model, "/v1/audio/emotions")
            if max(totals.values()) > 0 and response["speech"]:
                truth.append(pair[turn.channel][turn.utterance].emotion)
                by_segments.append(max(totals, key=totals.__getitem__))
                by_excerpts.append(response["emotion"])
    scores = [100 * recall_score(truth, result, average="macro") for result in (by_segments, by_excerpts)]
    return f"UAR {scores[0]:.1f} % by segments, {scores[1]:.1f} % one by one; {len(truth)} utterances in both"


def away_from_boundaries(speech: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the frames that are farther than the tolerance from each boundary of speech."""
    counted = np.ones_like(speech)
    margin = round(TOLERANCE / FRAME)
    for run in runs(speech):
        for edge in (run.start, run.end):
            counted[max(edge - margin, 0) : edge + margin] = False
    return counted


if __name__ == "__main__":
    main()
