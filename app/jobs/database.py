"""The database of the jobs, which is DBOS's: its URL decides between one machine and several.

Nothing is kept in tables of our own. A job is a workflow: its id is the workflow's, its owner the
workflow's user, and its digest and progress are attributes.
"""

from pathlib import Path

import sqlalchemy
from dbos import DBOSClient, DBOSPortableJSONSerializer, run_dbos_database_migrations
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.job import JobsUnavailable, State

APPLICATION = "speech-emotion"
VERSION = "1"
"""Of what the workflows do: raise it, and jobs of another version wait for a process of that version."""
ANALYZE, DELIVER = "analyze_call", "deliver_callback"
"""The workflows."""
CALLS, CALLBACKS = "calls", "callbacks"
"""The queues, one for each."""
SETTLED = "settled"
"""The attribute that says whether all that follows the end of a job has been done."""

STATES = {
    "ENQUEUED": State.QUEUED,
    "DELAYED": State.QUEUED,
    "PENDING": State.RUNNING,
    "SUCCESS": State.SUCCEEDED,
    "ERROR": State.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": State.FAILED,
    "CANCELLED": State.CANCELLED,
}
"""What DBOS says, and what we say."""


def statuses(*states: State) -> list[str]:
    """What DBOS calls them."""
    return [status for status, state in STATES.items() if state in states]


def prepare(url: str) -> None:
    """Make the tables, or change them to this version's; whoever is first, and once.

    DBOS holds a lock meanwhile, so that others wait.

    Args:
        url: `sqlite:///file` or `postgresql://…`.

    Raises:
        JobsUnavailable: the database cannot be reached, or the file not be made.
    """
    try:
        parsed = sqlalchemy.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            file = Path(parsed.database or "")
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)  # results are nobody else's business
        with open_engine(url).connect():  # says at once what is wrong, where DBOS would try for long
            pass
        run_dbos_database_migrations(url)
    except SQLAlchemyError as error:
        raise JobsUnavailable(f"SER_JOBS_URL: {getattr(error, 'orig', None) or error}") from error
    except OSError as error:
        raise JobsUnavailable(f"SER_DATA_DIR: {error.filename}: {error.strerror}") from error
    except ModuleNotFoundError as error:
        raise JobsUnavailable(f"SER_JOBS_URL: {parsed.drivername} is not served.") from error


def open_client(url: str, *, patient: bool) -> DBOSClient:
    """Connect to the workflows.

    Args:
        url: of the database.
        patient: whether to wait where it cannot be reached; a request cannot.
    """
    return DBOSClient(
        system_database_url=url,
        serializer=DBOSPortableJSONSerializer(),  # the default is pickle
        application_name=APPLICATION,
        retry_connection_errors=patient,
    )


def open_engine(url: str) -> sqlalchemy.Engine:
    """Connect to the database, for what DBOS has no call for; by the driver that DBOS brings."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return sqlalchemy.create_engine(parsed, poolclass=sqlalchemy.NullPool)


def count_by_state(engine: sqlalchemy.Engine) -> dict[State, int]:
    """How many jobs there are in each state, of all owners.

    The table is described in https://docs.dbos.dev/explanations/system-tables.
    """
    schema = None if engine.dialect.name == "sqlite" else "dbos"
    table = sqlalchemy.table(
        "workflow_status", sqlalchemy.column("status"), sqlalchemy.column("name"), schema=schema
    )
    query = (
        sqlalchemy.select(table.c.status, sqlalchemy.func.count())
        .where(table.c.name == ANALYZE)
        .group_by(table.c.status)
    )
    counts = dict.fromkeys(State, 0)
    with engine.connect() as connection:
        for status, count in connection.execute(query):
            counts[STATES[status]] += count
    return counts
