"""The Open Inference Protocol, version 2: `POST /v2/models/{name}/infer`, and what there is to infer with.

Platforms such as KServe speak it to any model. `app.api.tensors` has its messages; `app.api.probes` has its
health. A problem is answered as everywhere in this service.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request

from app import __version__
from app.api import problems
from app.api.dependencies import CallerDep, ServiceDep, hold_slot, requires
from app.api.probes import server_ready
from app.api.schemas import Readiness
from app.api.tensors import (
    EXTENSIONS,
    InferRequest,
    InferResponse,
    ModelMetadata,
    ServerMetadata,
    describe_model,
    outputs_of,
    parse_request,
)
from app.api.upload import empty_upload, read_body
from app.api.utterances import recognize_utterance, utterance_task
from app.keys import KeyScope

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

SCHEMA = {"$ref": f"#/components/schemas/{InferRequest.__name__}"}
EXAMPLE = {
    "inputs": [{"name": "audio", "datatype": "BYTES", "shape": [1], "data": ["a recording in Base64"]}]
}
CONTENT = {"application/json": {"schema": SCHEMA, "example": EXAMPLE}}
BODY = {"requestBody": {"required": True, "content": CONTENT}}


@router.get(
    "",
    operation_id="getServerMetadata",
    summary="Describe the service (Open Inference Protocol)",
    responses=problems.responses(401, 429, 500),
    dependencies=[requires()],
)
async def get_server() -> ServerMetadata:
    """Describe the service and the extensions of the protocol that it supports."""
    return ServerMetadata(name="speech-emotion-service", version=__version__, extensions=EXTENSIONS)


@router.get(
    "/models/{name}",
    operation_id="getModelMetadata",
    summary="Describe a model (Open Inference Protocol)",
    responses=problems.responses(401, 404, 422, 429, 500),
    dependencies=[requires()],
)
async def get_model(name: str, service: ServiceDep) -> ModelMetadata:
    """Describe the input and the outputs of a model."""
    manifest = service.find_model(name)
    return describe_model(name, manifest.version, len(manifest.labels))


@router.get(
    "/models/{name}/ready",
    operation_id="getModelReady",
    summary="Check that a model accepts requests (Open Inference Protocol)",
    responses=problems.responses(404, 422, 500, 503),
)
async def is_model_ready(name: str, service: ServiceDep) -> Readiness:
    """Answer as `/health/ready` does, for a model that the service has."""
    service.find_model(name)
    return await server_ready(service)


@router.post(
    "/models/{name}/infer",
    operation_id="infer",
    summary="Recognize the emotion of an utterance (Open Inference Protocol)",
    responses=problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    dependencies=[requires(KeyScope.RECOGNIZE), Depends(hold_slot)],
    openapi_extra=BODY,
)
async def infer(
    name: str,
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    inference_header_content_length: Annotated[
        int | None,
        Header(ge=0, description="the length of the JSON, if the bytes of the recording follow it"),
    ] = None,
) -> InferResponse:
    """Recognize the probability of each emotion in a recording, as `/v1/audio/emotions` does.

    The input `audio` has the type `BYTES` and one element: the file in Base64, or its bytes after the JSON
    (extension `binary_tensor_data`). The outputs are `probabilities`, with the labels as a parameter,
    `emotion`, and `speech`. Without speech, the emotion is empty, and the probabilities are 0.
    """
    manifest = service.find_model(name)
    request.state.choice = service.choose_model(name)
    asked = parse_request(await read_body(request), inference_header_content_length)
    if not asked.recording:
        raise empty_upload()
    task = utterance_task(service, caller, asked.recording, name, asked.channel)
    recognition, emotion = await recognize_utterance(service, caller, task, service.settings.min_confidence)
    return InferResponse(
        model_name=name,
        model_version=manifest.version,
        id=asked.id,
        outputs=outputs_of(recognition, emotion, manifest.labels),
    )
