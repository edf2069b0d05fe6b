"""Keys with channels in jobs, and what the audit log says of jobs."""

import json
from pathlib import Path

from testing import keys, local
from testing.service import running
from testing.waiting import eventually
from tests.jobs.client import WAV, submit


def test_a_job_analyzes_the_channels_of_its_key_and_is_audited(
    environment: dict[str, str], tmp_path: Path, short: bytes
) -> None:
    audit = tmp_path / "audit"
    entries = [keys.line("desk", "scopes=jobs channels=1"), keys.line("other")]
    with running(**environment, SER_API_KEYS=",".join(entries), SER_AUDIT_LOG=str(audit)) as service:
        desk, other = ({"Authorization": f"Bearer {name}"} for name in ("desk", "other"))
        refused = submit(service, short, "?channels=0", **desk)
        assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-permitted")
        refused = local.post(f"{service.url}/v1/audio/timeline", content=short, headers={**WAV, **desk})
        assert (refused.status_code, refused.json()["code"]) == (403, "scope-missing")
        job = submit(service, short, **desk).json()
        url = f"{service.url}/v1/jobs/{job['id']}"
        assert local.get(url, headers=other).status_code == 404
        eventually(lambda: local.get(url, headers=desk).json()["state"] == "succeeded")
        result = local.get(url, headers=desk).json()["result"]
        assert [channel["channel"] for channel in result["channels"]] == [1]
        assert local.delete(url, headers=desk).status_code == 204
        # The service records a request after its answer, so the log is complete only after the stop.
        service.process.terminate()
        assert service.end() == 0
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    recorded = [(line["key"], line["action"], line["target"], line["result"]) for line in lines]
    assert recorded[:4] == [
        ("desk", "job.create", "", "channel-not-permitted"),
        ("desk", "timeline", "", "scope-missing"),
        ("desk", "job.create", job["id"], "ok"),
        ("other", "job.read", "", "job-not-found"),
    ]
    assert set(recorded[4:-1]) == {("desk", "job.read", job["id"], "ok")}
    assert recorded[-1] == ("desk", "job.delete", job["id"], "ok")
