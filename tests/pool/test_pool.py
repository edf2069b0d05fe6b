import asyncio
import dataclasses
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import AudioTooLong, AudioTooShort, BundleError
from app.core.features import FeatureExtractor
from app.core.recognition import Recognition
from app.pool import supervisor
from app.pool.errors import DeadlineExceeded, NotReady, Overloaded, WorkerLost
from app.pool.pool import WorkerPool
from app.pool.process import WorkerFailed
from app.pool.slots import Slots
from app.pool.tasks import Recognize
from testing import bundles
from testing.recordings import EXAMPLE, encode, tone

SHORT = Recognize(EXAMPLE.read_bytes(), "small", "mix", 0.25, 60.0)
# openSMILE needs some seconds for these recordings, and less memory than a worker may have.
LONG = Recognize(encode(tone(300)), "small", "mix", 0.25, 3600.0)
LONGER = Recognize(encode(tone(1000)), "small", "mix", 0.25, 3600.0)


def run(
    folder: Path,
    scenario: Callable[[WorkerPool], Awaitable[None]],
    n_workers: int = 1,
    queue_depth: int = 8,
    request_timeout: float = 30,
    max_worker_bytes: int = 1024**3,
) -> None:
    """Start a pool, run a scenario on it, and stop the pool."""

    async def run_scenario() -> None:
        pool = WorkerPool(
            [folder],
            n_workers=n_workers,
            slots=Slots(n_workers + queue_depth),
            request_timeout=request_timeout,
            max_worker_bytes=max_worker_bytes,
        )
        await pool.start()
        try:
            await scenario(pool)
        finally:
            await pool.stop()

    asyncio.run(run_scenario())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.write(tmp_path_factory.mktemp("models"))


def test_concurrent_recordings_get_their_own_answers(folder: Path) -> None:
    seconds = [0.5 + 0.1 * number for number in range(20)]
    tasks = [Recognize(encode(tone(length)), "small", "mix", 0.25, 60.0) for length in seconds]

    async def scenario(pool: WorkerPool) -> None:
        answers = await asyncio.gather(*map(pool.recognize, tasks))
        assert [answer.duration for answer in answers] == pytest.approx(seconds, abs=1e-3)
        for task, answer in zip(tasks, answers, strict=True):
            assert (await pool.recognize(task)).probabilities == answer.probabilities

    run(folder, scenario, n_workers=2, queue_depth=18)


def test_a_bad_recording_does_not_end_its_worker(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        pids = pool.pids
        for _ in range(3):
            with pytest.raises(AudioTooShort, match="at least"):
                await pool.recognize(Recognize(encode(tone(0.05)), "small", "mix", 0.25, 60))
        assert isinstance(await pool.recognize(SHORT), Recognition)
        assert pool.pids == pids

    run(folder, scenario)


def test_a_full_queue_refuses_a_request_and_answers_the_accepted_requests(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        async def recognize_in_slot(caller: str) -> Recognition:
            with pool.slot(caller):
                return await pool.recognize(SHORT, caller)

        accepted = [asyncio.create_task(recognize_in_slot(caller)) for caller in "abc"]
        await asyncio.sleep(0)
        assert pool.n_waiting == 2
        with pytest.raises(Overloaded), pool.slot("d"):
            pytest.fail("there was a place")
        assert all(answer.speech for answer in await asyncio.gather(*accepted))
        assert (await recognize_in_slot("d")).speech

    run(folder, scenario, queue_depth=2)


def test_a_recording_waits_for_at_most_one_task_of_a_call(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        completed: list[str] = []

        async def complete(name: str, work: Awaitable[object]) -> None:
            await work
            completed.append(name)

        tasks = [complete("part", pool.run(SHORT)) for _ in range(4)]
        await asyncio.gather(*tasks, complete("recording", pool.recognize(SHORT)))
        assert completed.index("recording") == 1

    run(folder, scenario)


def test_a_recording_does_not_wait_for_the_recordings_and_calls_of_another_caller(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        completed: list[str] = []

        async def complete(name: str, work: Awaitable[object]) -> None:
            await work
            completed.append(name)

        recordings = [complete("greedy", pool.recognize(SHORT, "greedy")) for _ in range(4)]
        parts = [complete("greedy", pool.run(SHORT, "greedy")) for _ in range(4)]
        recording = complete("recording", pool.recognize(SHORT, "modest"))
        part = complete("part", pool.run(SHORT, "modest"))
        await asyncio.gather(*recordings, *parts, recording, part)
        assert completed.index("recording") <= 2
        assert completed.index("part") <= 3

    run(folder, scenario)


def test_a_missed_deadline_replaces_the_worker(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        (pid,) = pool.pids
        with pytest.raises(DeadlineExceeded, match="No answer within"):
            await pool.recognize(LONGER)
        assert await process_ends(pid)
        assert await becomes_true(lambda: pool.n_alive == 1)
        assert (await pool.recognize(SHORT)).speech

    run(folder, scenario, request_timeout=2)


def test_waiting_counts_toward_the_deadline(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        first = asyncio.create_task(pool.recognize(LONG))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded):
            await pool.recognize(SHORT)
        with pytest.raises(DeadlineExceeded):
            await first

    run(folder, scenario, request_timeout=0.3)


def test_the_death_of_a_worker_loses_only_its_own_recording(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        (victim,) = pool.pids
        lost = asyncio.create_task(pool.recognize(LONG))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(pool.recognize(SHORT)) for _ in range(4)]
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerLost):
            await lost
        assert all(answer.speech for answer in await asyncio.gather(*others))

    run(folder, scenario)


def test_an_idle_worker_that_dies_is_replaced_and_loses_no_request(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        (victim,) = pool.pids
        os.kill(victim, signal.SIGKILL)
        assert await process_ends(victim)
        assert (await pool.recognize(SHORT)).speech
        assert pool.replaced == Counter(died=1)
        assert pool.n_alive == 1

    run(folder, scenario)


def test_a_worker_with_too_much_memory_is_replaced_after_its_recording(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        (first,) = pool.pids
        assert (await pool.recognize(SHORT)).speech
        assert await process_ends(first)
        assert pool.replaced == Counter(grown=1)
        assert (await pool.recognize(SHORT)).speech

    run(folder, scenario, max_worker_bytes=1)


def test_an_answer_reports_the_time_of_each_stage(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        seconds = (await pool.recognize(SHORT)).seconds
        assert list(seconds) == ["queue", "decode", "features", "inference"]
        assert seconds["features"] > seconds["inference"] > 0

    run(folder, scenario)


def test_a_bundle_of_another_installation_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureExtractor, "names_sha256", "0" * 64)
    folder = bundles.write(tmp_path)

    async def scenario(_pool: WorkerPool) -> None:
        pytest.fail("it started")

    with pytest.raises(BundleError, match="feature names"):
        run(folder, scenario)


def test_the_restart_of_a_worker_is_repeated_until_it_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = bundles.write(tmp_path)
    monkeypatch.setattr(supervisor, "RESTART_PAUSE", 0.05)

    async def scenario(pool: WorkerPool) -> None:
        (folder / "manifest.json").rename(tmp_path / "away")
        os.kill(pool.pids[0], signal.SIGKILL)
        for _ in range(200):
            if "a worker did not start" in caplog.text:
                break
            await asyncio.sleep(0.05)
        assert "a worker did not start" in caplog.text
        (tmp_path / "away").rename(folder / "manifest.json")
        assert (await pool.recognize(SHORT)).speech

    run(folder, scenario)


def test_an_unexpected_error_has_a_traceback_and_does_not_end_the_worker(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        pids = pool.pids
        with pytest.raises(WorkerFailed, match=r"(?s)Traceback.*KeyError: 'nobody'"):
            await pool.recognize(dataclasses.replace(SHORT, model="nobody"))
        assert (await pool.recognize(SHORT)).speech
        assert pool.pids == pids

    run(folder, scenario)


def test_a_recording_larger_than_any_buffer_reaches_the_worker(folder: Path) -> None:
    async def scenario(pool: WorkerPool) -> None:
        silence = encode(np.zeros(10_000_000, np.float32))
        with pytest.raises(AudioTooLong):
            await pool.recognize(Recognize(silence, "small", "mix", 0.25, 60))
        assert (await pool.recognize(SHORT)).speech

    run(folder, scenario)


def test_a_pool_refuses_recordings_before_its_start(folder: Path) -> None:
    pool = WorkerPool([folder], n_workers=1, slots=Slots(2), request_timeout=1)
    with pytest.raises(NotReady):
        asyncio.run(pool.recognize(SHORT))


async def becomes_true(condition: Callable[[], bool]) -> bool:
    """Return whether a condition becomes true within ten seconds."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False


async def process_ends(pid: int) -> bool:
    """Return whether a process ends within ten seconds."""
    return await becomes_true(lambda: not Path(f"/proc/{pid}").exists())
