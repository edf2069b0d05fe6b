"""The command line, and the examples in the README of the client, against the running service."""

import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from speech_emotion_client import Retries, command
from speech_emotion_client.audio_stream import StreamFormat, read_header
from testing.live_client import encoded
from testing.recordings import EXAMPLE, ROOT, call, encode, ringing, tone
from testing.service import Service, free_port
from tests.clients.conftest import KEY

README = (ROOT / "clients" / "python" / "README.md").read_text()
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in a folder with two recordings. Return its status, its output and its errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPEECH_EMOTION_URL", service.url)
    monkeypatch.setenv("SPEECH_EMOTION_KEY", KEY)
    shutil.copy(EXAMPLE, "utterance.wav")
    Path("call.wav").write_bytes(call(2))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = command.main(arguments)
        return status, *capsys.readouterr()

    return run


def test_utterances_are_lines(run: Run) -> None:
    status, output, errors = run("recognize", "utterance.wav", "call.wav")
    assert (status, errors) == (0, "")
    first, second = output.splitlines()
    assert re.fullmatch(r"utterance\.wav: \w+ \(\w+ \d+%(, \w+ \d+%)*\)", first)
    assert second.startswith("call.wav: ")
    status, output, _ = run("--json", "recognize", "utterance.wav", "call.wav", "--metadata", '{"a": "b"}')
    rows = [json.loads(line) for line in output.splitlines()]
    assert [row["file"] for row in rows] == ["utterance.wav", "call.wav"]
    assert rows[0]["metadata"] == {"a": "b"}


def test_an_error_does_not_stop_the_next_file(run: Run) -> None:
    Path("text.wav").write_text("no sound")
    Path("tone.wav").write_bytes(encode(ringing()))
    status, output, errors = run("recognize", "text.wav", "missing.wav", "tone.wav")
    assert status == command.WRONG_USE
    assert output == "tone.wav: no speech\n"
    assert "unsupported-media-type" in errors
    assert "missing.wav" in errors
    assert run("recognize", "text.wav")[0] == command.REFUSED


def test_a_service_that_is_not_there_is_temporary(run: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    status, _, errors = run("--url", url, "--tries", "1", "models")
    assert status == command.TEMPORARY
    assert url in errors


def test_the_address_is_required(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECH_EMOTION_URL")
    with pytest.raises(SystemExit) as caught:
        run("models")
    assert caught.value.code == command.WRONG_USE
    assert run("--url", "emotions.example.com", "models")[0] == command.WRONG_USE


def test_a_timeline_is_readable(run: Run) -> None:
    _, output, _ = run("timeline", "call.wav", "--roles", "agent,customer", "--merge")
    assert re.search(r"^0:\d\d\.\d  customer  to 0:\d\d\.\d  \w+ \(", output, re.MULTILINE)
    assert re.search(r"^agent: 0:\d\d\.\d of speech: \d+% \w+", output, re.MULTILINE)
    _, output, _ = run("--json", "timeline", "call.wav", "--channels", "1", "--speakers", "2")
    assert {row["channel"] for row in json.loads(output)["channels"]} == {1}


def test_a_job_is_created_waited_for_and_deleted(run: Run) -> None:
    job = json.loads(run("--json", "jobs", "create", "call.wav")[1])["id"]
    status, output, errors = run("jobs", "result", job, "--poll", "0.1")
    assert (status, "of speech" in output) == (0, True)
    assert re.search(rf"^{job}  \d{{4}}-.*  succeeded  100%$", errors, re.MULTILINE)
    assert job in run("jobs", "list", "--state", "succeeded")[1]
    assert run("jobs", "get", job)[0] == 0
    assert run("jobs", "delete", job)[0] == 0
    status, _, errors = run("jobs", "get", job)
    assert (status, "job-not-found" in errors) == (command.REFUSED, True)


def test_a_live_stream_prints_its_events(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wav, raw = encoded()
    Path("mulaw.wav").write_bytes(wav)
    status, output, _ = run("live", "mulaw.wav", "--speed", "1000", "--roles", "agent,customer")
    assert status == 0
    assert re.search(r"^0:\d\d\.\d  agent  to 0:\d\d\.\d  \w+ \(", output, re.MULTILINE)
    assert output.endswith("closed: stopped\n")

    class Stdin:
        buffer = io.BytesIO(raw)

    monkeypatch.setattr(sys, "stdin", Stdin)
    options = ("--encoding", "mulaw", "--sampling-rate", "16000", "--channel-count", "2")
    status, output, _ = run("--json", "live", "-", *options)
    messages = [json.loads(line) for line in output.splitlines()]
    assert [messages[0]["type"], messages[-2]["type"], messages[-1]["type"]] == ["ready", "summary", "closed"]
    assert messages[-2]["timeline"]["duration"] == len(raw) / 2 / 16_000


def test_a_file_that_is_not_a_stream_is_refused(run: Run) -> None:
    Path("24.wav").write_bytes(encode(tone(0.5), subtype="PCM_24"))
    Path("text.wav").write_text("no sound" * 10)
    for name, reason in (("24.wav", "16 bits"), ("text.wav", "not a WAV file")):
        status, _, errors = run("live", name)
        assert (status, reason in errors) == (command.WRONG_USE, True)


@pytest.mark.parametrize(
    ("kind", "subtype", "encoding"),
    [
        ("WAV", "PCM_16", "linear16"),
        ("WAVEX", "PCM_16", "linear16"),
        ("WAV", "ALAW", "alaw"),
        ("WAVEX", "ULAW", "mulaw"),
        ("RF64", "PCM_16", "linear16"),
    ],
)
def test_the_header_of_a_recording_is_read(kind: str, subtype: str, encoding: Any) -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(0.5, 8_000, channels=2), 8_000, subtype, format=kind)
    file.seek(0)
    found, size = read_header(file)
    assert found == StreamFormat(encoding, 8_000, 2)
    assert size in {None, 4_000 * 2 * (2 if encoding == "linear16" else 1)}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
@pytest.mark.usefixtures("run")  # the folder of the examples
def test_an_example_runs(service: Service, number: int) -> None:
    code = blocks("python")[number].replace("https://emotions.example.com", service.url)
    exec(compile(code.replace('"KEY"', f'"{KEY}"'), f"example {number}", "exec"), {})  # noqa: S102


COMMANDS = [
    line for block in blocks("sh") for line in block.splitlines() if line.startswith("speech-emotion ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_an_example_of_the_command_line_runs(run: Run, line: str) -> None:
    status, output, errors = run(*shlex.split(line)[1:])
    assert (status, errors) == (0, "")
    assert output


def test_the_readme_names_the_defaults_and_the_exit_statuses() -> None:
    assert Retries() == Retries(tries=5, first_pause=1.0)
    rows = set(re.findall(r"^\| (\d+) \| ", README, re.MULTILINE))
    named = {command.REFUSED, command.WRONG_USE, command.TEMPORARY, command.INTERRUPTED, 0}
    assert rows == set(map(str, named))
