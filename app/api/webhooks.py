"""`/v1/webhooks`: the webhooks that are not delivered, and their replay."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from app.api import problems
from app.api.dependencies import JobsDep, identify_caller
from app.api.schemas import WebhookAnswer, WebhookList
from app.jobs.webhook import Delivery, DeliveryState

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Depends(identify_caller)])


@router.get(
    "",
    operation_id="listWebhooks",
    summary="List your webhooks that are not delivered",
    responses=problems.responses(401, 422, 429, 500, 503),
)
async def list_webhooks(
    request: Request,
    jobs: JobsDep,
    state: Annotated[
        Literal[DeliveryState.PENDING, DeliveryState.FAILED] | None,
        Query(
            description="the state of the webhooks to list: an attempt follows (`pending`), or the service "
            "has given up (`failed`); both if omitted"
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> WebhookList:
    """List the webhooks of this API key that are not delivered, the latest attempt first."""
    states = [state] if state else [DeliveryState.PENDING, DeliveryState.FAILED]
    page = await jobs.queue.deliveries.list(request.state.caller, states, limit + 1, offset)
    more = len(page) > limit
    return WebhookList(
        webhooks=[_answer(delivery) for delivery in page[:limit]],
        next_offset=offset + limit if more else None,
    )


@router.post(
    "/{webhook_id}/replay",
    operation_id="replayWebhook",
    summary="Deliver a webhook again",
    status_code=202,
    responses=problems.responses(401, 404, 422, 429, 500, 503),
)
async def replay_webhook(webhook_id: str, request: Request, jobs: JobsDep) -> WebhookAnswer:
    """Deliver a webhook again at once, even if it was delivered, with the same `webhook-id`.

    If this attempt fails, further attempts follow, as for a new webhook.
    """
    return _answer(await jobs.queue.deliveries.replay(webhook_id, request.state.caller))


def _answer(delivery: Delivery) -> WebhookAnswer:
    """Convert a delivery to the answer for its owner."""
    last = delivery.last
    return WebhookAnswer(
        id=delivery.webhook.id,
        type=delivery.type,
        url=delivery.receiver,
        state=delivery.state,
        attempts=delivery.n_attempts,
        last_attempt=last.ended if last else None,
        last_status=(last.status or None) if last else None,
        next_attempt=delivery.next_attempt,
    )
