"""FastAPI dependencies of the routes: the service, and the parameters of a request.

All dependencies are coroutines, because FastAPI would run a plain function in a thread, which costs more than
the function itself. Their number is small, because each dependency adds overhead to a request.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, cast

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.model_chooser import Choice
from app.api.rate_limit import STATE
from app.api.security import Caller
from app.api.service import Jobs, Service
from app.calls.metadata import MAX_BYTES, MAX_ENTRIES, InvalidMetadata, parse_metadata
from app.calls.options import MAX_ROLE_LENGTH, CallOptions, SpeakerOrder
from app.core.diarization import MAX_SPEAKERS
from app.jobs.job import JobsUnavailable
from app.keys import KeyScope
from app.pool.share import PoolShare


async def get_service(request: Request) -> Service:
    """Return the service of this application from the state of the lifespan."""
    return cast("Service", request.state.service)


ServiceDep = Annotated[Service, Depends(get_service)]


async def get_jobs(request: Request) -> Jobs:
    """Return the components for jobs.

    Raises:
        JobsUnavailable: jobs are disabled.
    """
    jobs = (await get_service(request)).jobs
    if jobs is None:
        raise JobsUnavailable(
            "Jobs are disabled on this service (SER_JOBS). Post the call to /v1/audio/timeline."
        )
    return jobs


JobsDep = Annotated[Jobs, Depends(get_jobs)]

_bearer = HTTPBearer(
    auto_error=False,
    description="An API key. Not needed if the service has no keys and listens on loopback only.",
)


def requires(scope: KeyScope | None = None) -> Any:  # noqa: ANN401  # the type of Depends
    """Return a dependency that authenticates the caller, and applies the rate limit.

    Args:
        scope: the scope that the key must have; None: any key will do.
    """

    async def identify_caller(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        """Authenticate the caller, and provide it to the route, to the log and to the audit log.

        Raises:
            Unauthenticated: the key is missing or unknown.
            KeyExpired: the key has expired.
            ScopeMissing: the key does not have the scope.
            RateLimited: the caller exceeded its request rate.
        """
        service = await get_service(request)
        key = credentials.credentials if credentials else None
        address = request.client.host if request.client else ""
        caller = request.state.caller = service.authenticator.identify(key, address)
        usage = await service.rates.count(caller.share)
        setattr(request.state, STATE, usage.fields)
        usage.check()
        if scope is not None:
            caller.require(scope)

    return Depends(identify_caller)


async def get_caller(request: Request) -> Caller:
    """Return the caller that `requires` has identified."""
    return cast("Caller", request.state.caller)


CallerDep = Annotated[Caller, Depends(get_caller)]


async def get_pool(request: Request) -> PoolShare:
    """Return the pool for the requests of the caller."""
    return PoolShare((await get_service(request)).pool, (await get_caller(request)).share)


PoolDep = Annotated[PoolShare, Depends(get_pool)]


async def get_choice(
    request: Request,
    model: Annotated[str | None, Query(description="the model to use; the default model if omitted")] = None,
) -> Choice:
    """Choose the bundle of the request, once for its whole life, and provide the choice to the metrics.

    Raises:
        ModelNotFound: the service has no bundle of that name.
    """
    choice = request.state.choice = (await get_service(request)).choose_model(model)
    return choice


ChoiceDep = Annotated[Choice, Depends(get_choice)]


async def get_channel(
    request: Request,
    channel: Annotated[
        Annotated[int, Query(ge=0)] | Literal["mix"],
        Query(
            description="the channel to analyze, counted from 0, or `mix`: the mean of all permitted channels"
        ),
    ] = "mix",
) -> int | Literal["mix"]:
    """Return the requested channel.

    Raises:
        ChannelNotPermitted: the operator does not permit the analysis of this channel.
    """
    if channel != "mix":
        (await get_caller(request)).channels.check([channel])
    return channel


async def get_channels(
    request: Request,
    channels: Annotated[
        str | None,
        Query(
            pattern=r"^\d{1,3}(,\d{1,3})*$",
            description="the channels to analyze, counted from 0, separated by commas; all permitted "
            "channels if omitted",
            examples=["0,1"],
        ),
    ] = None,
) -> tuple[int, ...] | None:
    """Return the requested channels. None stands for every permitted channel.

    Raises:
        ChannelNotPermitted: the operator does not permit the analysis of a channel.
    """
    if channels is None:
        return None
    requested = tuple(map(int, channels.split(",")))
    (await get_caller(request)).channels.check(requested)
    return requested


ChannelsDep = Annotated[tuple[int, ...] | None, Depends(get_channels)]


async def get_min_confidence(
    request: Request,
    min_confidence: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            description="the highest probability below which there is no emotion (`null`); the default of "
            "the service if omitted",
        ),
    ] = None,
) -> float:
    """Return the minimum confidence of an answer."""
    if min_confidence is None:
        return (await get_service(request)).settings.min_confidence
    return min_confidence


MinConfidence = Annotated[float, Depends(get_min_confidence)]


async def get_metadata(
    metadata: Annotated[
        str | None,
        Header(
            max_length=MAX_BYTES,
            description="data of yours about the call, which the answer repeats: a JSON object of up to "
            f"{MAX_ENTRIES} strings, with characters beyond ASCII as `\\u…`",
            examples=['{"call": "4711", "queue": "sales"}'],
        ),
    ] = None,
) -> dict[str, str]:
    """Return the metadata of the request. It travels in a header, because proxies log addresses.

    Raises:
        InvalidMetadata: the header has no valid metadata.
    """
    if metadata is None:
        return {}
    try:
        return parse_metadata(metadata.encode("latin-1"))  # as Starlette decoded it
    except InvalidMetadata as error:
        raise InvalidMetadata(f"header.metadata: {error}") from None


MetadataDep = Annotated[dict[str, str], Depends(get_metadata)]


async def get_call_options(  # noqa: PLR0913, PLR0917  # FastAPI passes all by name
    channels: ChannelsDep,
    min_confidence: MinConfidence,
    metadata: MetadataDep,
    merge: Annotated[  # noqa: FBT002  # FastAPI passes it by name
        bool, Query(description="whether neighboring segments of the same emotion are merged")
    ] = False,
    roles: Annotated[
        str | None,
        Query(
            pattern=rf"^[^,]{{1,{MAX_ROLE_LENGTH}}}(,[^,]{{1,{MAX_ROLE_LENGTH}}})*$",
            description="a name for each channel of the recording, or for each of its `speakers`, separated "
            "by commas, which the answer repeats",
            examples=["agent,customer"],
        ),
    ] = None,
    speakers: Annotated[
        Annotated[int, Query(ge=1, le=MAX_SPEAKERS)] | Literal["auto"] | None,
        Query(
            description="the number of speakers to separate on each channel, such as 2 for a recorder that "
            "mixes both parties, or `auto`; each channel is one speaker if omitted"
        ),
    ] = None,
    speaker_order: Annotated[
        SpeakerOrder,
        Query(description="the order of the speakers: by their first words, or by their share of the speech"),
    ] = "first",
) -> CallOptions:
    """Return the options of the analysis of a call."""
    return CallOptions(
        channels=channels,
        merge=merge,
        roles=tuple(roles.split(",")) if roles else (),
        min_confidence=min_confidence,
        metadata=metadata,
        speakers=speakers,
        speaker_order=speaker_order,
    )


async def hold_slot(pool: PoolDep) -> AsyncIterator[None]:
    """Hold a slot of the pool from before the upload until the answer is complete.

    Raises:
        Overloaded: no slot is free.
        ConcurrencyLimited: the caller holds as many slots as it may.
        NotReady: the service is starting or stopping.
    """
    with pool.slot():
        yield


CallOptionsDep = Annotated[CallOptions, Depends(get_call_options)]
ChannelDep = Annotated[int | Literal["mix"], Depends(get_channel)]
