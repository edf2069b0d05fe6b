"""The types of the client are those of the service, and they read older and newer answers."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel
from standardwebhooks import Webhook

import speech_emotion_client as client
from app import answers
from app.api import schemas
from app.calls import measures as served_measures
from app.calls.mood import Mood, Peak
from app.calls.recovery import Recovery
from app.calls.turns import Interruption
from app.live import messages
from speech_emotion_client import (
    Event,
    Job,
    JobCancelled,
    JobNotEnded,
    RecordingRefused,
    Timeline,
    UnexpectedAnswer,
    WebhookRejected,
    measures,
    verify_webhook,
)
from speech_emotion_client.events import TYPES, Limits, event_of
from speech_emotion_client.parsing import parse
from testing.receiver import SECRET

SAME = [
    (client.Utterance, answers.EmotionAnswer),
    (client.Segment, answers.SegmentAnswer),
    (client.Summary, answers.Summary),
    (client.Channel, answers.ChannelAnswer),
    (client.TurningPoint, answers.TurningPointAnswer),
    (client.Alert, answers.AlertAnswer),
    (client.Timeline, answers.TimelineAnswer),
    (client.ProblemDocument, answers.ProblemDocument),
    (client.Job, schemas.JobAnswer),
    (client.JobPage, schemas.JobList),
    (client.Models, schemas.Models),
    (measures.PitchRange, served_measures.PitchRange),
    (measures.PartyMeasures, served_measures.PartyMeasures),
    (measures.CallMeasures, served_measures.CallMeasures),
    (measures.Mood, Mood),
    (measures.Peak, Peak),
    (measures.Recovery, Recovery),
    (measures.Interruption, Interruption),
    (Limits, messages.SessionLimits),
    (client.Ready, messages.Ready),
    (client.SpeechStarted, messages.SpeechStartedMessage),
    (client.Interim, messages.InterimMessage),
    (client.SegmentEnded, messages.SegmentMessage),
    (client.MoodTurned, messages.TurningPointMessage),
    (client.AlertRaised, messages.AlertMessage),
    (client.Warned, messages.WarningMessage),
    (client.Summarized, messages.SummaryMessage),
    (client.Closed, messages.Closed),
]
OLD: dict[str, Any] = {
    "model": "m",
    "duration": 3.0,
    "channels": [
        {
            "channel": 0,
            "role": None,
            "speech_duration": 2,
            "summary": {"emotion": "anger", "probabilities": {"anger": 1.0}, "shares": {"anger": 1}},
            "segments": [{"start": 0, "end": 2, "emotion": "anger", "probabilities": {"anger": 1.0}}],
        }
    ],
    "turning_points": [],
}
"""A timeline with the fields of the first version of the service."""
JOB = {"id": "j", "state": "running", "progress": 0.5, "created": "2026-11-24T09:30:00Z", "finished": None}


@pytest.mark.parametrize(("of_client", "of_service"), SAME)
def test_a_type_of_the_client_has_the_fields_of_the_service(
    of_client: type[Any], of_service: type[Any]
) -> None:
    served = (
        set(of_service.model_fields)
        if issubclass(of_service, BaseModel)
        else {field.name for field in fields(of_service)}
    )
    known = {field.name for field in fields(of_client)} - {"raw"}
    assert known - ({"sequence"} if of_client is client.Ready else set()) == served


def test_every_message_of_a_session_has_an_event() -> None:
    kinds: list[type[BaseModel]] = [messages.Ready, *messages.JournalMessage.__subclasses__()]
    kinds += [kind for one in kinds for kind in one.__subclasses__()]
    served = {kind.model_fields["type"].default for kind in kinds if not kind.__name__.startswith("_")}
    assert set(TYPES) == served


def test_an_answer_of_an_old_service_has_defaults() -> None:
    old = parse(Timeline, OLD)
    assert (old.measures, old.alerts, old.model_version, old.metadata) == (None, (), None, {})
    assert old.channels[0].segments[0].loudness is None


def test_an_answer_of_a_newer_service_keeps_its_new_fields() -> None:
    newer = {**OLD, "new": 1, "channels": [{**OLD["channels"][0], "new": 2}]}
    assert parse(Timeline, newer) == parse(Timeline, OLD)
    assert parse(Timeline, newer).raw["channels"][0]["new"] == 2
    event = event_of({"type": "new", "sequence": 3, "field": 4})
    assert (type(event), event.raw["field"]) == (Event, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": "3"}, "duration is str, but float is expected"),
        ({"channels": None}, "channels is null"),
        ({"channels": [{}]}, r"channels\[0\] has no field channel"),
    ],
)
def test_an_answer_of_another_server_is_an_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=message):
        parse(Timeline, OLD | change)


def test_a_job_without_a_result_says_why() -> None:
    problem = {"status": 422, "code": "audio-undecodable", "detail": "damaged", "request_id": "j"}
    with pytest.raises(JobNotEnded, match="running"):
        parse(Job, JOB).timeline()
    with pytest.raises(JobCancelled):
        parse(Job, {**JOB, "state": "cancelled"}).timeline()
    with pytest.raises(RecordingRefused, match="damaged"):
        parse(Job, {**JOB, "state": "failed", "problem": problem}).timeline()
    assert parse(Job, {**JOB, "state": "succeeded", "result": OLD}).timeline() == parse(Timeline, OLD)


def signed(body: str, **changes: str) -> dict[str, str]:
    """Return the headers of a genuine webhook, with changes."""
    now = datetime.now(UTC)
    headers = {
        "Webhook-Id": "w",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("w", now, body),
    }
    return headers | changes


BODY = '{"type": "job.succeeded", "timestamp": "2026-11-24T09:30:00+00:00", "data": {"id": "j"}}'


def test_a_genuine_webhook_is_accepted() -> None:
    event = verify_webhook(signed(BODY), BODY.encode(), SECRET)
    assert (event.id, event.type, event.data) == ("w", "job.succeeded", {"id": "j"})


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(BODY), b"{}"),
        (signed(BODY) | {"Webhook-Id": "other"}, BODY.encode()),
        (signed(BODY) | {"Webhook-Timestamp": "1700000000"}, BODY.encode()),
        (signed(BODY) | {"Webhook-Signature": "v1"}, BODY.encode()),
        (signed(BODY) | {"Webhook-Signature": "v1,%%%"}, BODY.encode()),
        (signed(BODY), b"\xff"),
        ({}, BODY.encode()),
        (signed("[]"), b"[]"),
        (signed("{}"), b"{}"),
    ],
    ids=["body", "id", "old", "form", "base64", "utf-8", "missing", "list", "content"],
)
def test_another_webhook_is_rejected(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRejected):
        verify_webhook(headers, body, SECRET)
