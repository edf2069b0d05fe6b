import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.calls.analysis import CallAnalyzer, Limits
from app.calls.measures import measure
from app.calls.options import CallOptions
from app.core.audio import decode
from app.core.channels import ChannelPolicy
from app.core.containers.headerless import Encoding
from app.core.speech import SpeechDetector
from app.core.timeline import Timeline
from app.live.analysis import LiveEngine, StreamAnalysis, StreamFormat
from app.live.events import Event, SegmentRecognized, SpeechStarted
from app.pool.pool import WorkerPool
from app.pool.share import PoolShare
from app.pool.slots import Slots
from testing.recordings import call, two_voices

SUBTYPES: dict[Encoding, str] = {"linear16": "PCM_16", "mulaw": "ULAW", "alaw": "ALAW"}


@asynccontextmanager
async def running(folder: Path, n_workers: int = 2) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool([folder], n_workers=n_workers, slots=Slots(n_workers), request_timeout=30)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


def encoded(encoding: Encoding) -> tuple[bytes, bytes, StreamFormat]:
    """Return a call as a WAV file, its samples as a stream sends them, and their format."""
    signal = decode(call(12))
    file = io.BytesIO()
    subtype = SUBTYPES[encoding]
    soundfile.write(file, signal.samples.T, signal.sampling_rate, subtype, format="WAV")
    wav = file.getvalue()
    raw = io.BytesIO()
    soundfile.write(raw, signal.samples.T, signal.sampling_rate, subtype, format="RAW", endian="LITTLE")
    return wav, raw.getvalue(), StreamFormat(encoding, signal.sampling_rate, signal.n_channels)


async def stream(
    pool: WorkerPool, data: bytes, form: StreamFormat, sizes: Sequence[int], options: CallOptions
) -> tuple[Timeline, list[Event]]:
    """Send a stream in messages of the given sizes."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)

    with ThreadPoolExecutor(1) as thread:
        analysis = StreamAnalysis(
            LiveEngine(PoolShare(pool, ""), SpeechDetector(), thread),
            form,
            options,
            "small",
            emit,
        )
        start = 0
        for size in sizes:
            await analysis.push(data[start : start + size])
            start += size
        await analysis.push(data[start:])
        return await analysis.finish(), events


async def upload(pool: WorkerPool, path: Path, options: CallOptions) -> Timeline:
    """Analyze the same call as a file."""
    analyzer = CallAnalyzer(pool, Limits(0.25, 3600, 600), ChannelPolicy.of(None))
    return await analyzer.analyze(path, "small", options)


@pytest.mark.parametrize("encoding", ["linear16", "mulaw", "alaw"])
def test_the_timeline_of_a_stream_is_that_of_its_recording(
    folder: Path, tmp_path: Path, encoding: Encoding
) -> None:
    wav, data, form = encoded(encoding)
    path = tmp_path / "call.wav"
    path.write_bytes(wav)

    async def scenario() -> None:
        async with running(folder) as pool:
            options = CallOptions(channels=tuple(range(form.n_channels)))
            expected = await upload(pool, path, options)
            assert len(expected.channels[0].segments) > 3
            for party in measure(expected).parties:
                assert party.loudness is not None
                assert party.pitch is not None
                assert party.talk_share is not None
            for seed in range(3):
                random = np.random.default_rng(seed)
                sizes = random.integers(0, 10 ** random.integers(2, 5), 300).tolist()
                timeline, events = await stream(pool, data, form, sizes, options)
                assert timeline == expected
                assert measure(timeline) == measure(expected)
                recognized = [event for event in events if isinstance(event, SegmentRecognized)]
                assert len(recognized) == sum(len(one.segments) for one in expected.channels)
                for channel in expected.channels:
                    started = [
                        event.time
                        for event in events
                        if isinstance(event, SpeechStarted) and event.channel == channel.channel
                    ]
                    assert started == [segment.start for segment in channel.segments]

    asyncio.run(scenario())


def test_the_speakers_of_a_stream_are_those_of_its_recording(folder: Path, tmp_path: Path) -> None:
    samples = two_voices()
    raw = io.BytesIO()
    soundfile.write(raw, samples, 16_000, "PCM_16", format="RAW", endian="LITTLE")
    path = tmp_path / "call.wav"
    soundfile.write(path, samples, 16_000, "PCM_16")
    options = CallOptions(channels=(0,), speakers=2, roles=("agent", "customer"))

    async def scenario() -> None:
        async with running(folder) as pool:
            expected = await upload(pool, path, options)
            form = StreamFormat("linear16", 16_000, 1)
            timeline, events = await stream(pool, raw.getvalue(), form, [5_000] * 20, options)
            assert timeline == expected
            assert [(row.speaker, row.role) for row in expected.channels] == [(0, "agent"), (1, "customer")]
            assert [len(row.segments) for row in expected.channels] == [3, 3]
            recognized = [event for event in events if isinstance(event, SegmentRecognized)]
            assert [event.speaker for event in recognized][-2:] == [0, 1]

    asyncio.run(scenario())
