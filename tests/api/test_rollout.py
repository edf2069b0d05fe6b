"""A service during a rollout: the bundles of its requests, a changed file, and shadows."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app import file_watch
from app.api.metrics import Metrics
from app.api.shadows import Shadows, total_variation
from app.core.errors import SpeechEmotionError
from app.core.files import write_whole
from app.core.recognition import Recognition
from app.main import create_app
from app.pool.errors import WorkerLost
from app.pool.pool import WorkerPool
from app.pool.tasks import Recognize
from app.rollout import Rollout, RolloutInvalid
from app.settings import Settings
from testing.recordings import EXAMPLE, encode, speech
from testing.waiting import eventually

EMOTIONS = "/v1/audio/emotions"
START = {"type": "start", "encoding": "mulaw", "sampling_rate": 8000}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the rollout."""
    return tmp_path_factory.mktemp("rollout") / "rollout.json"


@pytest.fixture(scope="module")
def service(settings: Settings, file: Path) -> Iterator[TestClient]:
    """A client of a service that reads the file of the rollout at every request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_watch, "CHECK_SECONDS", 0.0)
        app = create_app(settings.model_copy(update={"rollout": file}))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client


def write(file: Path, **state: object) -> None:
    """Write the file of the rollout as the command does."""
    write_whole(file, Rollout.model_validate({"stable": "small", **state}).model_dump_json().encode())


def model(service: TestClient, request_id: str = "", **params: str) -> str:
    """Return the bundle that answered an utterance."""
    headers = {"X-Request-ID": request_id or uuid4().hex}
    answer = service.post(EMOTIONS, params=params, files={"file": EXAMPLE.read_bytes()}, headers=headers)
    assert answer.status_code == 200
    return str(answer.json()["model"])


def counted(service: TestClient, name: str, **labels: str) -> float:
    """Return the sum of a metric over the samples with these labels."""
    families = text_string_to_metric_families(service.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_a_change_of_the_file_needs_no_restart(service: TestClient, file: Path) -> None:
    assert model(service) == "small"  # there is no file yet
    write(file, candidate="other", share=1.0)
    assert model(service) == "other"
    assert service.get("/v1/models").json()["default"] == "small"
    write(file, stable="other", previous="small")
    assert model(service) == "other"
    assert service.get("/v1/models").json()["default"] == "other"
    write(file)
    assert model(service) == "small"


def test_the_id_of_a_request_decides(service: TestClient, file: Path) -> None:
    state = Rollout(stable="small", candidate="other", share=0.5)
    write(file, candidate="other", share=0.5)
    for _ in range(8):
        request_id = uuid4().hex
        expected = "other" if state.candidate_answers(request_id) else "small"
        assert [model(service, request_id) for _ in range(2)] == [expected] * 2


def test_a_request_that_names_a_model_gets_it(service: TestClient, file: Path) -> None:
    write(file, candidate="other", share=1.0)
    before = counted(service, "ser_model_requests_total", model="small", role="named", status="200")
    assert model(service, model="small") == "small"
    after = counted(service, "ser_model_requests_total", model="small", role="named", status="200")
    assert after == before + 1


def test_a_call_gets_the_bundle_of_the_rollout(service: TestClient, file: Path, call: bytes) -> None:
    write(file, candidate="other", share=1.0)
    answer = service.post("/v1/audio/timeline", files={"file": call}).json()
    assert answer["model"] == "other"


def test_the_id_of_a_live_session_decides(service: TestClient, file: Path) -> None:
    state = Rollout(stable="small", candidate="other", share=0.5)
    write(file, candidate="other", share=0.5)
    for request_id in (uuid4().hex for _ in range(8)):
        headers = {"X-Request-ID": request_id}
        with service.websocket_connect("/v1/audio/live", headers=headers) as socket:
            socket.send_json(START)
            socket.send_json({"type": "stop"})
            assert socket.receive_json()["type"] == "ready"
            answered = socket.receive_json()["timeline"]["model"]
        assert answered == ("other" if state.candidate_answers(request_id) else "small")


def test_a_live_session_keeps_its_bundle(service: TestClient, file: Path) -> None:
    write(file, candidate="other", share=1.0)
    with service.websocket_connect("/v1/audio/live") as socket:
        socket.send_json(START)
        assert socket.receive_json()["type"] == "ready"
        write(file)
        assert service.get("/v1/models").json()["default"] == "small"
        socket.send_json({"type": "stop"})
        assert socket.receive_json()["timeline"]["model"] == "other"


def test_the_metrics_show_the_roles_and_the_shares(service: TestClient, file: Path) -> None:
    write(file, candidate="other", share=0.25)
    assert counted(service, "ser_rollout_share", model="small", role="stable") == 0.75
    assert counted(service, "ser_rollout_share", model="other", role="candidate") == 0.25
    before = counted(service, "ser_model_requests_total", model="other", role="candidate")
    write(file, candidate="other", share=1.0)
    assert model(service) == "other"
    refused = service.post(EMOTIONS, files={"file": b"text"})
    assert refused.status_code == 415
    assert counted(service, "ser_model_requests_total", model="other", role="candidate") == before + 2
    assert counted(service, "ser_model_requests_total", role="candidate", status="415") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON"),
        ('{"stable": "small", "candidate": "nobody", "share": 0.5}', "there is no bundle 'nobody'"),
        ('{"stable": "small", "candidate": "other", "share": 2}', "share: Input should be less"),
        ('{"stable": "small", "share": 0.5}', "a share needs a candidate"),
        ('{"stable": "small", "canary": "other"}', "canary: Extra inputs"),
    ],
)
def test_an_invalid_file_keeps_the_last_valid_state(
    service: TestClient, file: Path, text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, candidate="other", share=1.0)
    assert model(service) == "other"
    with caplog.at_level(logging.ERROR, "app.api.model_chooser"):
        write_whole(file, text.encode())
        assert [model(service) for _ in range(3)] == ["other"] * 3
    (record,) = (one for one in caplog.records if one.name == "app.api.model_chooser")
    assert reason in record.getMessage()
    assert str(file) in record.getMessage()
    assert counted(service, "ser_rollout_valid") == 0
    write(file)
    assert model(service) == "small"
    assert counted(service, "ser_rollout_valid") == 1


def test_a_deleted_file_keeps_the_last_valid_state(service: TestClient, file: Path) -> None:
    write(file, candidate="other", share=1.0)
    assert model(service) == "other"
    file.unlink()
    assert model(service) == "other"
    assert counted(service, "ser_rollout_valid") == 0


@pytest.mark.parametrize("text", ["{", '{"stable": "nobody"}'])
def test_an_application_with_an_invalid_file_is_not_created(
    settings: Settings, tmp_path: Path, text: str
) -> None:
    (tmp_path / "rollout.json").write_text(text)
    with pytest.raises(RolloutInvalid, match=r"SER_ROLLOUT: .*rollout\.json: "):
        create_app(settings.model_copy(update={"rollout": tmp_path / "rollout.json"}))


def test_a_shadow_compares_without_influence(service: TestClient, file: Path) -> None:
    write(file, candidate="other", shadow=1.0)
    recordings = [encode(speech(name)) for name in ("03a01Fa", "03a01Nc", "08a01Wa", "08a01Na")]
    results = {"agreed": 0, "disagreed": 0}
    before = {result: counted(service, "ser_shadows_total", result=result) for result in results}
    sum_before = counted(service, "ser_shadow_distance_sum", model="other")
    distance = 0.0
    for number, recording in enumerate(recordings, 1):
        first, second = (
            service.post(EMOTIONS, params=params, files={"file": recording}).json()
            for params in ({}, {"model": "other"})
        )
        assert first["model"] == "small"
        results["agreed" if first["emotion"] == second["emotion"] else "disagreed"] += 1
        distance += total_variation(first["probabilities"], second["probabilities"])
        eventually(
            lambda number=number: (
                counted(service, "ser_shadows_total", model="other")  # type: ignore[misc]
                == sum(before.values()) + number
            )
        )
    after = {result: counted(service, "ser_shadows_total", result=result) for result in results}
    assert {result: after[result] - before[result] for result in results} == results
    assert counted(service, "ser_shadow_distance_sum", model="other") - sum_before == pytest.approx(distance)
    assert counted(service, "ser_shadows_total", result="failed") == 0


def test_only_stable_answers_with_speech_have_shadows(service: TestClient, file: Path) -> None:
    write(file, candidate="other", share=1.0, shadow=1.0)
    before = counted(service, "ser_shadows_total")
    model(service)
    model(service, model="small")
    write(file, candidate="other", shadow=1.0)
    silence = encode(0 * speech("03a01Fa"))
    assert service.post(EMOTIONS, files={"file": silence}).json()["speech"] is False
    assert counted(service, "ser_shadows_total") == before


class Pool(WorkerPool):
    """A pool that answers when the test releases it, or fails."""

    def __init__(self, n_workers: int, failure: SpeechEmotionError | None = None) -> None:
        self.n_workers = n_workers
        self.failure = failure
        self.n_idle = n_workers
        self.released = asyncio.Event()

    @property
    def has_idle(self) -> bool:
        return self.n_idle > 0

    async def recognize(self, task: Recognize, caller: str = "") -> Recognition:  # noqa: ARG002  # as the pool
        self.n_idle -= 1
        await self.released.wait()
        if self.failure:
            raise self.failure
        return Recognition(1.0, {"anger": 0.5, "neutral": 0.5})


class Counts(Metrics):
    """Metrics that keep what they count."""

    def __init__(self) -> None:
        self.results: list[tuple[str, str, float | None]] = []

    def count_shadow(self, model: str, result: str, distance: float | None = None) -> None:
        self.results.append((model, result, distance))


def shadows_of(pool: Pool, n_requests: int) -> list[tuple[str, str, float | None]]:
    """Start shadows at once, release the pool, and return what was counted."""
    counts = Counts()

    async def scenario() -> None:
        shadows = Shadows(pool, counts)
        answered = Recognition(1.0, {"anger": 0.75, "neutral": 0.25})
        for _ in range(n_requests):
            await shadows.start(Recognize(b"", "other", "mix", 0.25, 60.0), answered)
            await asyncio.sleep(0)
        pool.released.set()
        await shadows.finish()

    asyncio.run(scenario())
    return counts.results


def test_shadows_take_half_of_the_workers_at_most() -> None:
    results = shadows_of(Pool(4), 5)
    assert results == [("other", "skipped", None)] * 3 + [("other", "agreed", 0.25)] * 2


def test_a_shadow_is_skipped_if_no_worker_is_idle() -> None:
    pool = Pool(2)
    pool.n_idle = 0
    assert shadows_of(pool, 1) == [("other", "skipped", None)]


def test_a_failed_shadow_is_counted() -> None:
    assert shadows_of(Pool(1, WorkerLost("died")), 1) == [("other", "failed", None)]
