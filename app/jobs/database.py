"""The DBOS database of the jobs: SQLite for one machine, PostgreSQL for several.

The project has no tables of its own for jobs. A job is a DBOS workflow: the ID of the job is the workflow ID,
the owner is the authenticated user, and the digest and the progress are attributes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy
from dbos import DBOSClient, DBOSPortableJSONSerializer, run_dbos_database_migrations
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.jobs.job import DatabaseAway, JobsUnavailable, State

APPLICATION = "speech-emotion"
VERSION = "1"
"""The version of the workflows. Jobs of another version wait for a process of that version."""
ANALYZE, DELIVER = "analyze_call", "deliver_callback"
"""The names of the workflows."""
CALLS, CALLBACKS = "calls", "callbacks"
"""The names of the queues, one for each workflow."""
SETTLED = "settled"
"""The attribute that marks an ended job whose recording is deleted and whose webhook is scheduled."""

STATES = {
    "ENQUEUED": State.QUEUED,
    "DELAYED": State.QUEUED,
    "PENDING": State.RUNNING,
    "SUCCESS": State.SUCCEEDED,
    "ERROR": State.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": State.FAILED,
    "CANCELLED": State.CANCELLED,
}
"""The state of a job for each workflow status of DBOS."""


def statuses(*states: State) -> list[str]:
    """Return the workflow statuses that correspond to some states."""
    return [status for status, state in STATES.items() if state in states]


ENDED = statuses(State.SUCCEEDED, State.FAILED, State.CANCELLED)
"""The statuses of workflows that have ended."""


def prepare(url: str) -> None:
    """Create the tables, or migrate them to this version.

    DBOS holds a lock during the migration, so that only the first of several processes migrates.

    Args:
        url: `sqlite:///file` or `postgresql://…`.

    Raises:
        DatabaseAway: the PostgreSQL server does not answer, or refuses the connection.
        JobsUnavailable: the database is not supported, it has no encoding (SQL_ASCII), or the file cannot be
            created.
    """
    try:
        parsed = sqlalchemy.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            file = Path(parsed.database or "")
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)  # other users must not read results
        _connect(url)  # fails at once, whereas DBOS would retry for a long time
        run_dbos_database_migrations(url)
    except OperationalError as error:
        unavailable = JobsUnavailable if parsed.get_backend_name() == "sqlite" else DatabaseAway
        raise unavailable(f"SER_JOBS_URL: {error.orig}") from error
    except SQLAlchemyError as error:
        raise JobsUnavailable(f"SER_JOBS_URL: {getattr(error, 'orig', None) or error}") from error
    except OSError as error:
        raise JobsUnavailable(f"SER_DATA_DIR: {error.filename}: {error.strerror}") from error
    except ModuleNotFoundError as error:
        raise JobsUnavailable(
            f"SER_JOBS_URL: {parsed.drivername} is not supported. Use sqlite or postgresql."
        ) from error


def _connect(url: str) -> None:
    """Connect to the database once.

    Raises:
        JobsUnavailable: the database has no encoding.
        SQLAlchemyError: the connection fails.
    """
    try:
        with open_engine(url).connect():
            pass
    except TypeError as error:
        # SQLAlchemy searches the version of the server in a text. With SQL_ASCII, psycopg returns bytes.
        raise JobsUnavailable(
            "SER_JOBS_URL: the encoding of the database is SQL_ASCII. Create it with ENCODING 'UTF8'."
        ) from error


def open_client(url: str, *, patient: bool) -> DBOSClient:
    """Open a DBOS client for the workflows.

    Args:
        url: the URL of the database.
        patient: whether to retry while the database cannot be reached. False if a request waits.
    """
    return DBOSClient(
        system_database_url=url,
        serializer=DBOSPortableJSONSerializer(),  # the default is pickle
        application_name=APPLICATION,
        retry_connection_errors=patient,
    )


def open_engine(url: str) -> sqlalchemy.Engine:
    """Open the database for queries that DBOS does not support, with the driver of DBOS."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return sqlalchemy.create_engine(parsed, poolclass=sqlalchemy.NullPool)


@asynccontextmanager
async def reachable() -> AsyncIterator[None]:
    """Turn database errors into JobsUnavailable.

    Raises:
        JobsUnavailable: the database cannot be reached.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise JobsUnavailable(
            "Jobs are unavailable: their database cannot be reached. Try again in a moment."
        ) from error


def count_by_state(engine: sqlalchemy.Engine, workflow: str) -> dict[State, int]:
    """Count the workflows of a name, of all owners, in each state.

    https://docs.dbos.dev/explanations/system-tables describes the table.
    """
    schema = None if engine.dialect.name == "sqlite" else "dbos"
    table = sqlalchemy.table(
        "workflow_status", sqlalchemy.column("status"), sqlalchemy.column("name"), schema=schema
    )
    query = (
        sqlalchemy.select(table.c.status, sqlalchemy.func.count())
        .where(table.c.name == workflow)
        .group_by(table.c.status)
    )
    counts = dict.fromkeys(State, 0)
    with engine.connect() as connection:
        for status, count in connection.execute(query):
            counts[STATES[status]] += count
    return counts
