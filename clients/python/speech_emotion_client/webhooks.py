"""Verification of webhooks, in the format of Standard Webhooks (https://www.standardwebhooks.com)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from speech_emotion_client.answers import Answer
from speech_emotion_client.errors import UnexpectedAnswer, WebhookRejected
from speech_emotion_client.parsing import parse


@dataclass(frozen=True, kw_only=True)
class WebhookEvent(Answer):
    """A genuine webhook.

    Attributes:
        id: the ID of the message, the same on every try. Use it to detect repeated deliveries.
        type: the type, such as `job.succeeded` or `live.summary`.
        timestamp: the time of the event.
        data: the content. That of `job.…` has `id`, `state`, `metadata` and `alerts`.
    """

    id: str = ""
    type: str
    timestamp: datetime
    data: dict[str, Any] = field(default_factory=dict)


def verify_webhook(headers: Mapping[str, str], body: bytes, secret: str | Sequence[str]) -> WebhookEvent:
    """Verify the signature of a webhook, and that it is not older than five minutes.

    Args:
        headers: the headers of the request. Their names may be of any case.
        body: the body of the request, exactly as it arrived.
        secret: the secret `whsec_…`, or several secrets while one replaces another.

    Raises:
        WebhookRejected: no secret verifies the webhook. Answer 400.
        ValueError: a secret is not one of Standard Webhooks.
    """
    secrets = [secret] if isinstance(secret, str) else secret
    webhooks = [Webhook(one) for one in secrets]
    plain = {name.lower(): value for name, value in headers.items()}
    if not any(_is_genuine(webhook, plain, body) for webhook in webhooks):
        raise WebhookRejected("The signature is missing, wrong or old. Check the secret and the clock.")
    try:
        return parse(WebhookEvent, {**json.loads(body), "id": plain["webhook-id"]}, "the webhook")
    except (ValueError, TypeError, UnexpectedAnswer) as error:
        raise WebhookRejected(
            f"The signature is right, but the content is not that of a webhook: {error}"
        ) from error


def _is_genuine(webhook: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # the second one: the header cannot be parsed
        return False
    return True
