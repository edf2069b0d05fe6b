"""What the routes are given: the things that `create_app` made, from the lifespan's state.

All are coroutines: FastAPI would run a plain function in a thread, which costs more than the function.
"""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from app.api.metrics import Metrics
from app.api.security import Caller
from app.core.errors import ModelNotFound
from app.core.manifest import Manifest
from app.settings import Settings
from app.workers import WorkerPool


async def get_settings(request: Request) -> Settings:
    """The settings of this application."""
    return cast("Settings", request.state.settings)


async def get_pool(request: Request) -> WorkerPool:
    """The pool of recogniser processes."""
    return cast("WorkerPool", request.state.pool)


async def get_manifests(request: Request) -> dict[str, Manifest]:
    """The manifests of the bundles that are served, by name."""
    return cast("dict[str, Manifest]", request.state.manifests)


async def get_metrics(request: Request) -> Metrics:
    """What is counted."""
    return cast("Metrics", request.state.metrics)


SettingsDep = Annotated[Settings, Depends(get_settings)]
PoolDep = Annotated[WorkerPool, Depends(get_pool)]
ManifestsDep = Annotated[dict[str, Manifest], Depends(get_manifests)]
MetricsDep = Annotated[Metrics, Depends(get_metrics)]


async def hold_place(pool: PoolDep, _caller: Caller) -> AsyncIterator[None]:
    """Hold a place in the pool from before the upload is read until the answer is made.

    Raises:
        Overloaded: there is none.
        NotReady: the service is starting or stopping.
    """
    with pool.place():
        yield


def find_model(manifests: dict[str, Manifest], name: str) -> Manifest:
    """Find a bundle by name.

    Raises:
        ModelNotFound: none of that name is served.
    """
    if name not in manifests:
        raise ModelNotFound(f"There is no model {name!r}. Served are: {', '.join(sorted(manifests))}.")
    return manifests[name]


async def get_model_name(
    settings: SettingsDep,
    manifests: ManifestsDep,
    model: Annotated[
        str | None, Query(description="the bundle that answers; the default one if not given")
    ] = None,
) -> str:
    """The name of the bundle that a request asks for.

    Raises:
        ModelNotFound: none of that name is served.
    """
    return find_model(manifests, model or settings.default_model).name


ModelName = Annotated[str, Depends(get_model_name)]
