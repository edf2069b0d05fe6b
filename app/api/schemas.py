"""Schemas of answers that only HTTP needs: models, jobs and health."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.answers import ProblemDocument, TimelineAnswer
from app.core.manifest import Facts
from app.jobs.job import State
from app.jobs.webhook import DeliveryState
from app.rules.rule import Severity


class Model(Facts):
    """A served model: its labels, features, training and scores."""

    version: str = Field(description="the SHA-256 of the bundle, which answers name as `model_version`")


class Models(BaseModel):
    """The served models."""

    default: str = Field(description="the model for requests that name no model")
    models: list[Model]


class JobAnswer(BaseModel):
    """A job, its state and its result."""

    id: str
    state: State = Field(description="the state of the job; succeeded, failed and cancelled are final")
    progress: float = Field(description="the completed share, from 0 to 1")
    metadata: dict[str, str] = Field(
        default={}, repr=False, description="the metadata of the request; empty if it had none"
    )
    created: datetime
    finished: datetime | None = Field(description="the time of the end; null before")
    result: TimelineAnswer | None = Field(description="the result of a job that succeeded; omitted in lists")
    problem: ProblemDocument | None = Field(
        description="the error of a job that failed, with the job ID as request_id; omitted in lists"
    )


class JobList(BaseModel):
    """A page of the list of your jobs."""

    jobs: list[JobAnswer] = Field(description="the jobs, the newest first, without results")
    next_offset: int | None = Field(description="the `offset` of the next page; null on the last page")


class RuleMatch(BaseModel):
    """A rule of the operator that matches a call."""

    rule: str = Field(description="the name of the rule")
    severity: Severity = Field(description="the severity of the rule")


class JobEnded(BaseModel):
    """The job in a callback. `GET /v1/jobs/{id}` has its result."""

    id: str
    state: State
    metadata: dict[str, str] = Field(
        default={}, repr=False, description="the metadata of the request; empty if it had none"
    )
    alerts: list[RuleMatch] = Field(
        description="the rules that match the call; `alerts` in the result has more; empty for a job that "
        "did not succeed"
    )


class Callback(BaseModel):
    """A callback in the format of Standard Webhooks."""

    type: str = Field(examples=["job.succeeded"])
    timestamp: datetime = Field(description="the time of the end of the job")
    data: JobEnded


class WebhookAnswer(BaseModel):
    """A webhook, and the attempts to deliver it."""

    id: str = Field(
        description="the `webhook-id`: the ID of the job that ended, or of the message of a live session",
        examples=["3f6c2a51-0d7e-4b42-9c1e-5a7d8c0b4e19"],
    )
    type: str = Field(description="the type of the message", examples=["job.succeeded"])
    url: str = Field(
        description="the receiver, without the query of its address",
        examples=["https://receiver.example/emotions"],
    )
    state: DeliveryState = Field(
        description="the state of the delivery: an attempt follows (`pending`), the service has given up "
        "(`failed`), or the attempts have ended otherwise (`delivered`)"
    )
    attempts: int = Field(description="the number of attempts up to now")
    last_attempt: datetime | None = Field(description="the time of the last attempt; null before its end")
    last_status: int | None = Field(
        description="the status that the receiver answered in the last attempt; null without an answer",
        examples=[503],
    )
    next_attempt: datetime | None = Field(description="the time of the next attempt; null if none follows")


class WebhookList(BaseModel):
    """A page of the list of your webhooks."""

    webhooks: list[WebhookAnswer] = Field(description="the webhooks, the latest attempt first")
    next_offset: int | None = Field(description="the `offset` of the next page; null on the last page")


class Health(BaseModel):
    """The result of a health probe."""

    status: str = Field(examples=["ok"])


class Liveness(BaseModel):
    """The result of the liveness probe of the Open Inference Protocol."""

    live: bool


class Readiness(BaseModel):
    """The result of the readiness probe of the Open Inference Protocol."""

    ready: bool
