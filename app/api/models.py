"""`GET /v1/models`: the served models and the facts about each."""

from fastapi import APIRouter

from app.api import problems
from app.api.dependencies import ServiceDep, requires
from app.api.schemas import Model, Models
from app.core.manifest import Manifest

router = APIRouter(prefix="/v1/models", tags=["models"], dependencies=[requires()])


@router.get(
    "", operation_id="listModels", summary="List the models", responses=problems.responses(401, 429, 500)
)
async def list_models(service: ServiceDep) -> Models:
    """List the served models, and name the default model."""
    return Models(
        # During a rollout, some requests that name no model get the candidate.
        default=service.chooser.rollout.stable,
        models=[_describe(manifest) for manifest in service.manifests.values()],
    )


@router.get(
    "/{name}",
    operation_id="getModel",
    summary="Describe a model",
    responses=problems.responses(401, 404, 422, 429, 500),
)
async def get_model(name: str, service: ServiceDep) -> Model:
    """Describe a model: its labels, features, training and scores."""
    return _describe(service.find_model(name))


def _describe(manifest: Manifest) -> Model:
    """Return the content of a manifest without the hashes of the files."""
    return Model(version=manifest.version, **manifest.model_dump(exclude={"files"}))
