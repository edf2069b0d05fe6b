"""The deliveries of webhooks: schedule, list and replay them.

Each attempt is a DBOS workflow, and a failed attempt schedules the next one. The last attempt has all that is
known of a delivery: an attempt that waits has the answer to the attempt before it as its attributes, and the
workflow of an attempt that was the last ends with an error.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from dbos import DBOSClient, EnqueueOptions, PortableWorkflowError, WorkflowStatus

from app.jobs.database import CALLBACKS, DELIVER, ENDED, STATES, VERSION, count_by_state, reachable, statuses
from app.jobs.job import State, WebhookNotFound
from app.jobs.webhook import Attempt, Delivery, DeliveryState, Webhook

GIVEN_UP = "CallbackGivenUp"
"""The name of the error with which the workflow of the last attempt ends. Its code is the status."""
_ATTEMPT = "/callback/"


LISTED = {
    DeliveryState.PENDING: (State.QUEUED, State.RUNNING),
    DeliveryState.FAILED: (State.FAILED, State.CANCELLED),
}
"""The states of the workflows of each state that can be listed.

The workflow of a failed attempt succeeds when it has scheduled the next one, so that DBOS cannot tell it from
a delivery.
"""


class Deliveries:
    """The deliveries in the database of the jobs."""

    def __init__(self, client: DBOSClient, engine: sqlalchemy.Engine) -> None:
        """Look at the deliveries of a database, through two connections to it."""
        self._client = client
        self._engine = engine

    @reachable()
    async def schedule(self, owner: str, url: str, webhook_id: str, body: str) -> None:
        """Schedule the delivery of a webhook that does not belong to a job. Idempotent."""
        await schedule(self._client, Webhook(webhook_id, owner, url, body))

    @reachable()
    async def list(
        self,
        owner: str | None,
        states: Sequence[DeliveryState],
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[Delivery]:
        """List deliveries in some states of LISTED, the latest attempt first.

        Args:
            owner: the name of the API key; None: the deliveries of all keys.
            states: the states.
            limit: the largest number of deliveries; None: all.
            offset: the number of deliveries to leave out.
        """
        workflows = await self._client.list_workflows_async(
            name=DELIVER,
            user=owner,
            status=statuses(*(state for listed in states for state in LISTED[listed])),
            limit=limit,
            offset=offset,
            sort_desc=True,
        )
        return [_delivery_of(workflow) for workflow in workflows]

    @reachable()
    async def replay(self, webhook_id: str, owner: str | None) -> Delivery:
        """Deliver a webhook again at once, and then again after each planned pause until it is accepted.

        A delivery that waits for its next attempt continues with it at once.

        Args:
            webhook_id: the ID of the webhook.
            owner: the name of the API key; None: the webhook of any key.

        Raises:
            WebhookNotFound: the owner has no webhook with this ID.
        """
        latest = await self._find(webhook_id, owner)
        if latest.status == "DELAYED":
            await self._client.set_workflow_delay_async(latest.workflow_id, delay_seconds=0)
        elif STATES[latest.status].ended:
            delivery = _delivery_of(latest)
            await schedule(self._client, delivery.webhook, delivery.n_attempts, last=delivery.last)
            if delivery.state is DeliveryState.FAILED:
                # The failed attempt is no longer the latest, and must not be listed.
                await self._client.delete_workflow_async(latest.workflow_id)
        return _delivery_of(await self._find(webhook_id, owner))

    @reachable()
    async def forget(self, webhook_id: str) -> None:
        """Delete the ended attempts of a webhook with its body. An attempt that waits still follows."""
        ended = await self._client.list_workflows_async(
            name=DELIVER,
            workflow_id_prefix=f"{webhook_id}{_ATTEMPT}",
            status=ENDED,
            load_input=False,
            load_output=False,
        )
        if ended:
            await self._client.delete_workflows_async([attempt.workflow_id for attempt in ended])

    @reachable()
    async def count(self) -> dict[DeliveryState, int]:
        """Count the deliveries of all owners in each state of LISTED."""
        counts = await asyncio.to_thread(count_by_state, self._engine, DELIVER)
        return {listed: sum(counts[state] for state in states) for listed, states in LISTED.items()}

    async def _find(self, webhook_id: str, owner: str | None) -> WorkflowStatus:
        """Find the latest attempt of a webhook."""
        attempts = await self._client.list_workflows_async(
            name=DELIVER,
            user=owner,
            workflow_id_prefix=f"{webhook_id}{_ATTEMPT}",
            sort_desc=True,
            limit=1,
        )
        if not attempts:
            raise WebhookNotFound(
                f"There is no webhook {webhook_id}. It is kept for SER_RESULT_TTL after its last attempt."
            )
        return attempts[0]


async def schedule(
    client: DBOSClient,
    webhook: Webhook,
    number: int = 0,
    *,
    tries: int = 0,
    delay: float = 0.0,
    last: Attempt | None = None,
) -> None:
    """Schedule an attempt to deliver a webhook. Idempotent.

    Args:
        client: the DBOS client.
        webhook: the webhook.
        number: the number of all earlier attempts.
        tries: the number of earlier attempts since the first one or the last replay.
        delay: the seconds before the attempt.
        last: the attempt before it; None if there is none.
    """
    options: EnqueueOptions = {
        "workflow_name": DELIVER,
        "queue_name": CALLBACKS,
        "workflow_id": f"{webhook.id}{_ATTEMPT}{number}",
        "app_version": VERSION,
    }
    if webhook.owner is not None:
        options["authenticated_user"] = webhook.owner
    if delay:
        options["delay_seconds"] = delay
    if last is not None:
        options["attributes"] = {"status": last.status, "ended": last.ended.isoformat()}
    await client.enqueue_async(options, webhook.url, webhook.id, webhook.body, tries)


def number_of(workflow_id: str) -> int:
    """Return the number of earlier attempts from the workflow ID of an attempt."""
    return int(workflow_id.rpartition("/")[2])


def _delivery_of(workflow: WorkflowStatus) -> Delivery:
    """Read the latest attempt of a delivery, which must be listed with its input and output."""
    if workflow.input is None:
        raise AssertionError(workflow)
    url, webhook_id, body, _ = workflow.input["args"]
    state = STATES[workflow.status]
    following = workflow.delay_until_epoch_ms or workflow.created_at or 0
    return Delivery(
        webhook=Webhook(webhook_id, workflow.authenticated_user, url, body),
        state=DeliveryState.DELIVERED
        if state is State.SUCCEEDED
        else next(listed for listed, states in LISTED.items() if state in states),
        n_attempts=number_of(workflow.workflow_id) + state.ended,
        last=_last_of(workflow),
        next_attempt=None if state.ended else datetime.fromtimestamp(following / 1000, UTC),
    )


def _last_of(workflow: WorkflowStatus) -> Attempt | None:
    """Return the last ended attempt of a delivery, from the workflow of its latest attempt."""
    if not STATES[workflow.status].ended:
        attributes: dict[str, Any] = workflow.attributes or {}
        if "status" not in attributes:
            return None
        return Attempt(attributes["status"], datetime.fromisoformat(attributes["ended"]))
    error = workflow.error
    code = error.code if isinstance(error, PortableWorkflowError) else workflow.output
    ended = workflow.completed_at or workflow.updated_at or 0
    return Attempt(int(code or 0), datetime.fromtimestamp(ended / 1000, UTC))
