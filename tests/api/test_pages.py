import re

import pytest
from fastapi.testclient import TestClient

from app.api import problem_table
from testing.recordings import EXAMPLE, encode, tone

URL = "/v1/audio/emotions"


@pytest.mark.parametrize("code", problem_table.BY_CODE)
def test_every_type_of_problem_has_a_page(client: TestClient, code: str) -> None:
    page = client.get(f"/problems/{code}")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert problem_table.BY_CODE[code].title in page.text
    assert f"<code>{code}</code>" in page.text


def test_an_unknown_type_of_problem_has_no_page(client: TestClient) -> None:
    assert client.get("/problems/<script>").json()["code"] == "not-found"


def test_the_metrics_count_requests_emotions_and_stages(client: TestClient) -> None:
    def read_metrics() -> dict[str, float]:
        lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    before = read_metrics()
    answer = client.post(URL, files={"file": EXAMPLE.read_bytes()}).json()
    client.post(URL, files={"file": encode(tone() * 0)})
    client.post(URL, files={"file": b"text"})
    client.get("/nowhere/at/all")
    after = read_metrics()
    increase = {name: value - before.get(name, 0) for name, value in after.items()}
    post = f'ser_requests_total{{method="POST",route="{URL}",status='
    assert increase[post + '"200"}'] == 2
    assert increase[post + '"415"}'] == 1
    assert increase['ser_requests_total{method="GET",route="unknown",status="404"}'] == 1
    assert increase[f'ser_emotions_total{{emotion="{answer["emotion"]}",model="small"}}'] == 1
    assert increase['ser_emotions_total{emotion="none",model="small"}'] == 1
    assert increase['ser_audio_seconds_total{model="small"}'] == pytest.approx(answer["duration"] + 1)
    assert increase['ser_stage_seconds_count{stage="decode"}'] == 2
    assert increase['ser_stage_seconds_count{stage="features"}'] == 1
    assert increase['ser_stage_seconds_sum{stage="inference"}'] > 0
    assert (after["ser_workers_alive"], after["ser_queue_depth"]) == (2, 0)


def test_the_metrics_measure_the_stages_of_a_call(client: TestClient) -> None:
    client.post("/v1/audio/timeline", files={"file": EXAMPLE.read_bytes()})
    metrics = client.get("/metrics").text
    for stage in ("inspect", "detect", "recognize", "group"):
        (sum_of_stage,) = re.findall(rf'ser_call_stage_seconds_sum{{stage="{stage}"}} (\S+)', metrics)
        assert float(sum_of_stage) > 0
