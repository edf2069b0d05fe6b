"""What the routes are given: the service that `create_app` made, and what a request asks of it.

All are coroutines: FastAPI would run a plain function in a thread, which costs more than the
function. They are few, since FastAPI takes its time for each.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, cast

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.metrics import Metrics
from app.api.security import ChannelNotPermitted, Gate
from app.core.errors import ModelNotFound
from app.core.manifest import Manifest
from app.jobs.callbacks import Rules
from app.jobs.job import JobsUnavailable
from app.jobs.recordings import Recordings
from app.settings import Settings
from app.workers import WorkerPool

if TYPE_CHECKING:
    from app.jobs.queue import JobQueue  # brings DBOS, which a service without jobs need not wait for


@dataclass(frozen=True, slots=True)
class Jobs:
    """What jobs need.

    Attributes:
        queue: of the jobs.
        recordings: where theirs are kept.
        rules: of callbacks.
    """

    queue: "JobQueue"
    recordings: Recordings
    rules: Rules


@dataclass(frozen=True, slots=True)
class Service:
    """What an application is made of.

    Attributes:
        settings: of the operator.
        pool: the recogniser processes.
        manifests: of the bundles that are served, by name.
        metrics: what is counted.
        gate: who may call.
        jobs: what jobs need; None where none are taken.
    """

    settings: Settings
    pool: WorkerPool
    manifests: Mapping[str, Manifest]
    metrics: Metrics
    gate: Gate
    jobs: Jobs | None = None

    def find_model(self, name: str) -> Manifest:
        """Find a bundle by name.

        Raises:
            ModelNotFound: none of that name is served.
        """
        if name not in self.manifests:
            served = ", ".join(sorted(self.manifests))
            raise ModelNotFound(f"There is no model {name!r}. Served are: {served}.")
        return self.manifests[name]


async def get_service(request: Request) -> Service:
    """The service of this application, from the lifespan's state."""
    return cast("Service", request.state.service)


ServiceDep = Annotated[Service, Depends(get_service)]


async def get_jobs(request: Request) -> Jobs:
    """What jobs need.

    Raises:
        JobsUnavailable: none are taken.
    """
    jobs = (await get_service(request)).jobs
    if jobs is None:
        raise JobsUnavailable("This service takes no jobs (SER_JOBS). Post the call to /v1/audio/timeline.")
    return jobs


JobsDep = Annotated[Jobs, Depends(get_jobs)]

_bearer = HTTPBearer(
    auto_error=False,
    description="An API key; not needed where the service has none and listens on loopback only.",
)


async def identify_caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Let nobody pass whose key is not known, or who calls too often; the log is told the key's name.

    Raises:
        Unauthenticated: no key that is known.
        RateLimited: too many requests.
    """
    gate = (await get_service(request)).gate
    request.state.caller = gate.identify(credentials.credentials if credentials else None)
    await gate.count(request.state.caller)


async def get_model_name(
    request: Request,
    model: Annotated[
        str | None, Query(description="the bundle that answers; the default one if not given")
    ] = None,
) -> str:
    """The name of the bundle that a request asks for.

    Raises:
        ModelNotFound: none of that name is served.
    """
    service = await get_service(request)
    return service.find_model(model or service.settings.default_model).name


async def get_channel(
    request: Request,
    channel: Annotated[
        Annotated[int, Query(ge=0)] | Literal["mix"],
        Query(
            description="the channel that is analysed, counted from 0, or `mix`: the mean of all that may be"
        ),
    ] = "mix",
) -> int | Literal["mix"]:
    """The channel that is asked for.

    Raises:
        ChannelNotPermitted: the operator does not let it be analysed.
    """
    if channel != "mix":
        await _check_permitted(request, [channel])
    return channel


async def get_channels(
    request: Request,
    channels: Annotated[
        str | None,
        Query(
            pattern=r"^\d{1,3}(,\d{1,3})*$",
            description="channels that are analysed, counted from 0, with commas between; all that may be if "
            "not given",
            examples=["0,1"],
        ),
    ] = None,
) -> tuple[int, ...] | None:
    """The channels that are asked for; None: every one that may be.

    Raises:
        ChannelNotPermitted: the operator does not let one be analysed.
    """
    if channels is None:
        return None
    wanted = tuple(map(int, channels.split(",")))
    await _check_permitted(request, wanted)
    return wanted


async def _check_permitted(request: Request, channels: Iterable[int]) -> None:
    permitted = (await get_service(request)).settings.permitted_channels
    for channel in channels:
        if permitted is not None and channel not in permitted:
            raise ChannelNotPermitted(
                f"Channel {channel} may not be analysed here, only: {', '.join(map(str, sorted(permitted)))}."
            )


async def hold_place(request: Request) -> AsyncIterator[None]:
    """Hold a place in the pool from before the upload is read until the answer is made.

    Raises:
        Overloaded: there is none.
        NotReady: the service is starting or stopping.
    """
    with (await get_service(request)).pool.place():
        yield


ModelName = Annotated[str, Depends(get_model_name)]
ChannelDep = Annotated[int | Literal["mix"], Depends(get_channel)]
ChannelsDep = Annotated[tuple[int, ...] | None, Depends(get_channels)]
