"""Whole calls: is what is said found, how long does it take, what does it cost others?

    python -m benchmarks.calls CSV [CSV …]

Calls are built of the utterances in corpora (CSV files as `python -m training` reads them): a voice
on each channel, pauses of 0.5 to 10 s, pink noise at 15 dB, 8 kHz, mu-law. Then the service hears
them.
"""

import http.client
import io
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from app.core.audio import Signal, decode
from app.core.segments import FRAME, runs
from benchmarks.serving import OK, RAW, Running, put_under_load, running
from benchmarks.throughput import smile_of, three_seconds, wav
from training.calls import Call, build_call
from training.corpora import READERS, Utterance
from training.labels import EMOTIONS, to_five_emotions

N_CALLS = 12
N_UTTERANCES = 15  # a voice
TOLERANCE = 0.05  # seconds around a boundary that do not count
COVERED = 0.5  # share of an utterance's speech in segments, for it to be covered
SOUNDS: dict[str, dict[str, Any]] = {
    "clean": {"decibels": None},
    "noise at 20 dB": {"decibels": 20.0},
    "noise at 15 dB": {"decibels": 15.0},
    "noise at 10 dB": {"decibels": 10.0},
    "noise at 5 dB": {"decibels": 5.0},
    "15 dB, ringing, digits, music in 60 % of long pauses": {"decibels": 15.0, "interludes": 0.6},
    "15 dB, 3 % of packets lost": {"decibels": 15.0, "packet_loss": 0.03},
}


def main() -> None:
    """Measure and print."""
    corpora = [utterance for path in sys.argv[1:] for utterance in READERS["csv"](Path(path))]
    utterances = to_five_emotions(corpora)
    pairs = list(pair_voices(utterances))[:N_CALLS]
    with running(SER_MAX_CALL_BYTES=str(2**30), SER_CALL_TIMEOUT="3600") as service:
        for name, sounds in SOUNDS.items():
            random = np.random.default_rng(7)
            calls = [build_call([load(voice) for voice in pair], random, **sounds) for pair in pairs]
            answers = [post(service, encode(call.signal)) for call in calls]
            print(f"{name}: {detection(calls, answers)}", flush=True)
            print(f"    {recognition(service, calls, answers, utterances)}", flush=True)
            if sounds == SOUNDS["noise at 15 dB"]:
                ten_minutes = join([call.signal for call in calls], 600)
        speed(service, ten_minutes)
        cost(service, ten_minutes)


def pair_voices(utterances: Sequence[Utterance]) -> Iterator[list[list[tuple[int, Utterance]]]]:
    """Two voices for each call, with some utterances each, drawn by one seed."""
    random = np.random.default_rng(1)
    by_speaker: dict[str, list[tuple[int, Utterance]]] = {}
    for number, utterance in enumerate(utterances):
        by_speaker.setdefault(utterance.speaker, []).append((number, utterance))
    speakers = sorted(by_speaker)
    random.shuffle(speakers)
    for one, other in zip(speakers[::2], speakers[1::2], strict=False):
        yield [
            [by_speaker[speaker][int(place)] for place in random.permutation(len(by_speaker[speaker]))][
                :N_UTTERANCES
            ]
            for speaker in (one, other)
        ]


def load(voice: Sequence[tuple[int, Utterance]]) -> list[tuple[int, Signal]]:
    """The recordings of a voice."""
    return [(number, decode(utterance.path.read_bytes())) for number, utterance in voice]


def encode(signal: Signal) -> bytes:
    """A WAV file, mu-law."""
    file = io.BytesIO()
    soundfile.write(file, signal.samples.T, signal.sampling_rate, "ULAW", format="WAV")
    return file.getvalue()


def join(signals: Sequence[Signal], seconds: float) -> Signal:
    """One call after the other, for so many seconds in all."""
    n_samples = int(seconds * signals[0].sampling_rate)
    samples = np.concatenate([signal.samples for signal in signals], axis=1)
    return Signal(np.resize(samples.T, (n_samples, samples.shape[0])).T, signals[0].sampling_rate)


def post(service: Running, body: bytes) -> dict[str, Any]:
    """What the service answers to a call."""
    return _post(service, "/v1/audio/timeline", body)


def _post(service: Running, path: str, body: bytes) -> dict[str, Any]:
    client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=3600)
    client.request("POST", path, body, RAW)
    response = client.getresponse()
    content = response.read()
    if response.status != OK:
        raise RuntimeError(content.decode())
    answer: dict[str, Any] = json.loads(content)
    return answer


def detection(calls: Sequence[Call], answers: Sequence[dict[str, Any]]) -> str:
    """F1 of speech, frame by frame, and the share of the utterances that segments cover."""
    hits = alarms = misses = covered = n_utterances = 0
    for call, answer in zip(calls, answers, strict=True):
        for number, true in enumerate(call.speech):
            found = np.zeros_like(true)
            for segment in answer["channels"][number]["segments"]:
                found[round(segment["start"] / FRAME) : round(segment["end"] / FRAME)] = True
            counted = away_from_boundaries(true)
            hits += int((found & true & counted).sum())
            alarms += int((found & ~true & counted).sum())
            misses += int((~found & true & counted).sum())
            for turn in (turn for turn in call.turns if turn.channel == number):
                said = slice(round(turn.start / FRAME), round(turn.end / FRAME))
                n_utterances += 1
                covered += bool(found[said][true[said]].mean() >= COVERED)
    f1 = 2 * hits / (2 * hits + alarms + misses)
    return (
        f"F1 {f1:.3f} (precision {hits / (hits + alarms):.3f}, recall {hits / (hits + misses):.3f}); "
        f"{covered} of {n_utterances} utterances covered"
    )


def recognition(
    service: Running,
    calls: Sequence[Call],
    answers: Sequence[dict[str, Any]],
    utterances: Sequence[Utterance],
) -> str:
    """UAR of the utterances as segments of the call, and cut out of it and posted one by one."""
    true, by_segments, one_by_one = [], [], []
    for call, answer in zip(calls, answers, strict=True):
        for turn in call.turns:
            segments = answer["channels"][turn.channel]["segments"]
            heard = dict.fromkeys(EMOTIONS, 0.0)
            for segment in segments:
                seconds = min(segment["end"], turn.end) - max(segment["start"], turn.start)
                for emotion in heard:
                    heard[emotion] += max(seconds, 0) * segment["probabilities"][emotion]
            rate = call.signal.sampling_rate
            alone = call.signal.samples[turn.channel, round(turn.start * rate) : round(turn.end * rate)]
            answered = ask(service, encode(Signal(alone[np.newaxis], rate)))
            if max(heard.values()) > 0 and answered["speech"]:
                true.append(utterances[turn.utterance].emotion)
                by_segments.append(max(heard, key=heard.__getitem__))
                one_by_one.append(answered["emotion"])
    scores = [100 * recall_score(true, said, average="macro") for said in (by_segments, one_by_one)]
    return f"UAR {scores[0]:.1f} % by segments, {scores[1]:.1f} % one by one; {len(true)} utterances in both"


def ask(service: Running, body: bytes) -> dict[str, Any]:
    """What the service answers to an utterance."""
    return _post(service, "/v1/audio/emotions", body)


def away_from_boundaries(true: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Frames that are not within the tolerance of where speech begins or ends."""
    counted = np.ones_like(true)
    margin = round(TOLERANCE / FRAME)
    for run in runs(true):
        for edge in (run.start, run.end):
            counted[max(edge - margin, 0) : edge + margin] = False
    return counted


def speed(service: Running, call: Signal) -> None:
    """The time of a call against bare openSMILE's for its segments, in as many processes, in turns."""
    body, n_workers = encode(call), len(service.worker_pids())
    answer = post(service, body)
    spans = [
        call.samples[channel["channel"], round(segment["start"] * 8_000) : round(segment["end"] * 8_000)]
        for channel in answer["channels"]
        for segment in channel["segments"]
    ]
    spoken = sum(len(span) for span in spans) / call.sampling_rate
    signals = [Signal(span[np.newaxis], call.sampling_rate) for span in spans]
    ratios = []
    with ProcessPoolExecutor(n_workers) as processes:
        list(processes.map(_bare, signals[: 2 * n_workers]))
        for _ in range(3):
            started = time.perf_counter()
            list(processes.map(_bare, signals))
            bare = time.perf_counter() - started
            post(service, body)
            ratios.append((time.perf_counter() - started - bare) / bare)
    silent = encode(Signal(np.zeros_like(call.samples), call.sampling_rate))
    started = time.perf_counter()
    post(service, silent)
    print(
        f"{call.duration:.0f} s of stereo, {spoken:.0f} s of them spoken, in {len(spans)} segments: "
        f"{statistics.median(ratios):.2f} of bare openSMILE's {bare:.1f} s "
        f"({min(ratios):.2f} to {max(ratios):.2f}); as long in silence: {time.perf_counter() - started:.2f} s"
    )


def _bare(signal: Signal) -> None:
    """In a process of its own."""
    from app.core.audio import resample  # noqa: PLC0415

    heard = resample(signal, 16_000)
    smile_of("ComParE_2016").process_signal(heard.samples, heard.sampling_rate)


def cost(service: Running, call: Signal) -> None:
    """What an hour takes: memory, and the time of short requests meanwhile."""
    minute, hour = join([call], 60), join([call], 3600)
    memory = {name: peak_memory(service, encode(signal)) for name, signal in (("minute", minute),)}
    short = wav(three_seconds())
    before = put_under_load(service.port, short, 1, 10)
    answered = threading.Event()
    peak = 0

    def call_for_an_hour() -> None:
        nonlocal peak
        peak = peak_memory(service, encode(hour))
        answered.set()

    started = time.perf_counter()
    thread = threading.Thread(target=call_for_an_hour)
    thread.start()
    meanwhile: list[float] = []
    while not answered.is_set():
        meanwhile += put_under_load(service.port, short, 1, 2).latencies
    thread.join()
    print(
        f"an hour of stereo: {time.perf_counter() - started:.0f} s; memory at its peak "
        f"{(peak - memory['minute']) / 2**20:+.0f} MiB against a minute's; a short request's median "
        f"{1000 * statistics.median(before.latencies):.0f} ms before, "
        f"{1000 * statistics.median(meanwhile):.0f} ms meanwhile"
    )


def peak_memory(service: Running, body: bytes) -> int:
    """The most that all processes of the service take together while they hear a call, in bytes."""
    done, peaks = threading.Event(), [0]

    def watch() -> None:
        while not done.wait(0.5):
            peaks.append(service.memory_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    post(service, body)
    done.set()
    watcher.join()
    return max(peaks)


if __name__ == "__main__":
    main()
