"""`python -m app webhooks`: list the webhooks of all keys that are not delivered, and replay one of them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy
from pydantic import ValidationError

from app.jobs.database import open_client, open_engine
from app.jobs.deliveries import LISTED, Deliveries
from app.jobs.job import JobError, JobsUnavailable
from app.jobs.webhook import Delivery, DeliveryState
from app.settings import Settings


def list_webhooks(*, failed_only: bool) -> int:
    """Print the webhooks that are not delivered, the latest attempt first.

    Args:
        failed_only: whether to leave out the webhooks that wait for an attempt.

    Returns:
        The exit status: 0; 2 if a setting or the database is not valid, with the reason on stderr.
    """
    states = [DeliveryState.FAILED] if failed_only else list(LISTED)
    return _print(lambda deliveries: deliveries.list(None, states))


def replay_webhook(webhook_id: str) -> int:
    """Deliver a webhook of any key again, and print its state. A running service or job worker delivers it.

    Returns:
        The exit status: 0; 2 if there is no webhook with this ID, and as in `list_webhooks`.
    """

    async def replay(deliveries: Deliveries) -> list[Delivery]:
        return [await deliveries.replay(webhook_id, None)]

    return _print(replay)


def _print(function: Callable[[Deliveries], Awaitable[list[Delivery]]]) -> int:
    """Print the deliveries that a function returns for the deliveries of the database."""
    try:
        settings = Settings(host="127.0.0.1")  # no server listens, so no keys are needed
        _check_exists(settings.jobs_database)
        found = asyncio.run(_call(settings.jobs_database, function))
    except (JobError, ValidationError) as error:
        print(error, file=sys.stderr)
        return 2
    for delivery in found:
        print(_line(delivery))
    return 0


def _check_exists(url: str) -> None:
    """Check that the file of a SQLite database exists, because SQLite would create it.

    Raises:
        JobsUnavailable: the file does not exist.
    """
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise JobsUnavailable(
            f"There are no jobs in {parsed.database}. Set SER_DATA_DIR or SER_JOBS_URL as in the service."
        )


async def _call(url: str, function: Callable[[Deliveries], Awaitable[list[Delivery]]]) -> list[Delivery]:
    """Call a function with the deliveries of a database."""
    client = open_client(url, patient=False)
    try:
        return await function(Deliveries(client, open_engine(url)))
    finally:
        client.destroy()


def _line(delivery: Delivery) -> str:
    """Describe a delivery in one line."""
    last, following = delivery.last, delivery.next_attempt
    answer = (last.status or "none") if last else "-"
    attempt = last.ended.isoformat(timespec="seconds") if last else "-"
    further = following.isoformat(timespec="seconds") if following else "-"
    return (
        f"{delivery.webhook.id}  {delivery.state:9}  attempts {delivery.n_attempts}  last {attempt}  "
        f"status {answer}  next {further}  key {delivery.webhook.owner or '-'}  {delivery.receiver}"
    )
