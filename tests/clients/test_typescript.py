"""The TypeScript client in Node and in a browser, and its README's examples, against the running service."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import playwright
import pytest
from playwright.sync_api import Route, sync_playwright

from testing import local
from testing.live_client import encoded
from testing.programs import program
from testing.receiver import OLD_SECRET, SECRET, receiving
from testing.recordings import EXAMPLE, ROOT, call
from testing.service import Service
from testing.waiting import eventually
from tests.clients.conftest import KEY

PACKAGE = ROOT / "clients" / "typescript"
EXAMPLES = re.findall(r"^```ts\n(.*?)^```", (PACKAGE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
# Playwright includes a Node that has WebSockets and runs TypeScript, which Debian's Node does not.
NODE = str(Path(playwright.__file__).parent / "driver" / "node")
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "audio/wav"}
Run = Callable[..., Any]
IN_BROWSER = """async (key) => {
  const { Client } = await import("speech-emotion-client");
  const client = new Client(location.origin, { key });
  const read = async (name) => (await fetch(name)).blob();
  const utterance = await client.recognize(await read("/client/utterance.wav"), { channel: 0 });
  const session = await client.live({ encoding: "mulaw", sampling_rate: 16000, channels: 2 });
  void session.feed([new Uint8Array(await (await read("/client/encoded.raw")).arrayBuffer())]);
  const events = [];
  for await (const event of session) events.push(event);
  return [utterance, events.at(-2).timeline];
}"""
"""A program that uses the client, and returns the answers for an utterance and for a live call."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, built with the packages of its lock file, and recordings for the examples."""
    folder = tmp_path_factory.mktemp("typescript") / "package"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    options = ["--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([program("npm"), "ci", *options], cwd=folder, check=True, timeout=180)
    node(folder, "node_modules/typescript/bin/tsc")
    shutil.copytree(Path(__file__).parent / "typescript", folder / "test")
    shutil.copy(EXAMPLE, folder / "utterance.wav")
    (folder / "call.wav").write_bytes(call(2))
    wav, raw = encoded()
    (folder / "encoded.wav").write_bytes(wav)
    (folder / "encoded.raw").write_bytes(raw)
    return folder


@pytest.fixture
def run(package: Path, service: Service) -> Run:
    """Run a function of the program, and return its result."""

    def run(name: str, *arguments: str) -> Any:
        return json.loads(node(package, "test/program.mjs", name, service.url, KEY, *arguments))

    return run


def node(folder: Path, *arguments: str) -> str:
    """Run Node in a folder, and return its output."""
    completed = subprocess.run(
        [NODE, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def posted(service: Service, path: str, recording: Path) -> Any:
    """Return the answer for a recording without the client."""
    content = recording.read_bytes()
    return local.post(f"{service.url}{path}", content=content, headers=HEADERS, timeout=60).json()


def test_the_types_are_those_of_the_service(package: Path, service: Service) -> None:
    document = local.get(f"{service.url}/openapi.json").json()
    (package / "openapi.json").write_text(json.dumps(document))
    command = ["node_modules/openapi-typescript/bin/cli.js", "openapi.json", "--output", "generated.ts"]
    node(package, *command)
    assert (package / "generated.ts").read_text() == (PACKAGE / "src" / "schema.ts").read_text(), (
        "Start the service, and run `npm ci && npm run generate` in clients/typescript."
    )


def test_the_examples_and_the_events_have_the_right_types(package: Path, service: Service) -> None:
    document = local.get(f"{service.url}/asyncapi.json").json()
    folder = package / "types"
    shutil.copytree(package / "test", folder)
    for number, code in enumerate(EXAMPLES):
        (folder / f"example{number}.ts").write_text(code)
    messages = [
        example["payload"]
        for message in document["components"]["messages"].values()
        for example in message.get("examples", [])
        if "sequence" in example["payload"]
    ]
    assert {message["type"] for message in messages} >= {"segment", "summary", "closed"}
    rows = [f"export const event{k}: LiveEvent = {json.dumps(row)};" for k, row in enumerate(messages)]
    header = 'import type { LiveEvent } from "speech-emotion-client";'
    (folder / "events.ts").write_text("\n".join([header, *rows]))
    node(package, "node_modules/typescript/bin/tsc", "--project", "types")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(package: Path, service: Service, number: int) -> None:
    code = EXAMPLES[number].replace("https://emotions.example.com", service.url).replace('"KEY"', f'"{KEY}"')
    path = package / f"example{number}.ts"
    path.write_text(code)
    output = node(package, path.name)
    assert bool(output) == ("await client." in code or "await api." in code)


def test_an_utterance_and_a_call(run: Run, package: Path, service: Service) -> None:
    utterance = run("recognize", "utterance.wav")
    expected = posted(service, "/v1/audio/emotions?channel=0", EXAMPLE)
    assert utterance == {**expected, "metadata": {"call": "ä 4711 😀"}}
    address = "/v1/audio/timeline?channels=1&roles=agent,customer&merge=true"
    assert run("timeline", "call.wav") == posted(service, address, package / "call.wav")


def test_a_job_is_waited_for_and_its_webhook_is_verified(run: Run, package: Path, service: Service) -> None:
    with receiving(204) as receiver:
        job = run("job", "call.wav", receiver.url)
        eventually(lambda: bool(receiver.requests))
    assert job["id"] == job["again"]
    assert job["id"] in job["listed"]
    assert job["states"][-1] == "succeeded"
    assert job["result"] == posted(service, "/v1/audio/timeline", package / "call.wav")
    headers, body = receiver.requests[0]
    webhook = package / "webhook.json"
    webhook.write_text(json.dumps({"headers": headers, "body": body.decode()}))
    event = run("webhook", "webhook.json", f"{OLD_SECRET} {SECRET}")
    assert (event["id"], event["type"], event["data"]["id"]) == (job["id"], "job.succeeded", job["id"])
    assert run("webhook", "webhook.json", OLD_SECRET) == "WebhookRejected"
    webhook.write_text(json.dumps({"headers": headers, "body": body.decode() + " "}))
    assert run("webhook", "webhook.json", SECRET) == "WebhookRejected"
    old = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}
    webhook.write_text(json.dumps({"headers": old, "body": body.decode()}))
    assert run("webhook", "webhook.json", SECRET) == "WebhookRejected"


def test_an_error_has_a_class(run: Run) -> None:
    assert run("errors", "call.wav") == {
        "text": [True, "RecordingRefused", "unsupported-media-type"],
        "channel": [True, "RecordingRefused", "channel-not-found"],
        "model": [True, "NotFound", "model-not-found"],
        "key": [True, "Unauthenticated", "unauthenticated"],
        "job": [True, "NotFound", "job-not-found"],
        "cancelled": [True, "JobCancelled", None],
        "liveKey": [True, "Unauthenticated", "unauthenticated"],
        "liveModel": [True, "NotFound", "model-not-found"],
        "time": [True, "TimedOut", None],
        "nobody": [True, "ConnectionFailed", None],
        "nobodyLive": [True, "ConnectionFailed", None],
        "aborted": [False, "AbortError", None],
    }


@pytest.mark.parametrize(
    ("statuses", "answer"),
    [
        ((429, 502, 0, 503, 202), {"id": "7", "code": "of-the-test", "detail": "", "status": 202}),
        ((503,) * 5, "Unavailable"),
        ((504, 504), "ServiceFailed"),
        ((422,), "InvalidRequest"),
    ],
)
def test_temporary_errors_are_tried_again_with_the_same_key(
    run: Run, statuses: tuple[int, ...], answer: object
) -> None:
    result = run("retries", *map(str, statuses))
    assert result["answer"] == answer
    assert [row["body"] for row in result["tries"]] == ["sound"] * len(statuses)
    assert len({row["key"] for row in result["tries"]}) == 1


def test_a_live_session_survives_lost_connections(run: Run, package: Path, service: Service) -> None:
    result = run("live", "encoded.raw")
    assert result["losses"] > 1
    events = result["events"]
    numbers = [event["sequence"] for event in events]
    assert numbers == sorted(set(numbers))
    expected = posted(service, "/v1/audio/timeline?roles=agent,customer", package / "encoded.wav")
    assert events[-2]["timeline"] == expected
    assert (events[-1]["type"], events[-1]["reason"]) == ("closed", "stopped")
    segments = [(event["channel"], event["start"]) for event in events if event["type"] == "segment"]
    assert sorted(segments) == sorted(
        (channel["channel"], segment["start"])
        for channel in expected["channels"]
        for segment in channel["segments"]
    )


def test_audio_during_a_pause_does_not_count(run: Run, package: Path) -> None:
    n_bytes = (package / "encoded.raw").stat().st_size + 32_000
    assert run("pause", "encoded.raw") == n_bytes / 2 / 16_000


def test_the_client_runs_in_a_browser(package: Path, service: Service) -> None:
    """A page of the service's own origin loads the built modules as they are."""
    modules = {
        "openapi-fetch": "node_modules/openapi-fetch/dist/index.mjs",
        "speech-emotion-client": "dist/index.js",
    }
    imports = {"imports": {name: f"/client/{path}" for name, path in modules.items()}}

    def serve(route: Route) -> None:
        route.fulfill(path=package / urlsplit(route.request.url).path.removeprefix("/client/"))

    with sync_playwright() as browsers:
        chromium = program("chromium-headless-shell")
        browser = browsers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**/client/**", serve)
        page.goto(f"{service.url}/health/live")
        page.add_script_tag(content=json.dumps(imports), type="importmap")
        utterance, timeline = page.evaluate(IN_BROWSER, KEY)
        browser.close()
    assert utterance == posted(service, "/v1/audio/emotions?channel=0", EXAMPLE)
    assert timeline == posted(service, "/v1/audio/timeline", package / "encoded.wav")
