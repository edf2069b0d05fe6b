"""A webhook, and the state of its delivery."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    """The state of a delivery: an attempt follows, the service has given up, or the receiver has answered."""

    PENDING = "pending"
    FAILED = "failed"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook to deliver.

    Attributes:
        id: the ID of the webhook: that of the job that ended, or of the message of a live session.
        owner: the name of the API key; None for webhooks of earlier versions, which did not store it.
        url: the address of the receiver.
        body: the JSON message.
    """

    id: str
    owner: str | None
    url: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An ended attempt.

    Attributes:
        status: the status of the receiver; 0 without an answer.
        ended: the time of its end.
    """

    status: int
    ended: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of a webhook.

    Attributes:
        webhook: the webhook.
        state: the state of the delivery.
        n_attempts: the number of ended attempts.
        last: the last ended attempt; None before its end.
        next_attempt: the time of the next attempt; None if none follows.
    """

    webhook: Webhook
    state: DeliveryState
    n_attempts: int
    last: Attempt | None
    next_attempt: datetime | None

    @property
    def receiver(self) -> str:
        """The address of the receiver without its query, which may contain a secret of the receiver."""
        return self.webhook.url.partition("?")[0]

    @property
    def type(self) -> str:
        """The type of the message, such as `job.succeeded`."""
        return str(json.loads(self.webhook.body)["type"])
