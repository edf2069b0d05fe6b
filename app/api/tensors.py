"""The messages of the Open Inference Protocol: requests with a recording, and answers as tensors.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.upload_errors import InvalidRequest, MalformedRequest
from app.core.recognition import Recognition

INPUT = "audio"
"""The name of the input."""

EXTENSIONS = ["binary_tensor_data"]
"""The supported extensions of the protocol. Tensors of answers are always JSON."""

HEADER = "inference-header-content-length"
"""The header with the length of the JSON, if the bytes of the recording follow it."""

LENGTH = struct.Struct("<I")
"""The length of an element of a binary tensor of the type BYTES."""


class Parameters(BaseModel):
    """The parameters of a request.

    Attributes:
        channel: the channel to analyze.
    """

    model_config = ConfigDict(extra="ignore")

    channel: Annotated[int, Field(ge=0)] | Literal["mix"] = Field(
        default="mix", description="the channel to analyze, counted from 0, or `mix`"
    )


class InputParameters(BaseModel):
    """The parameters of an input tensor."""

    model_config = ConfigDict(extra="ignore")

    binary_data_size: int | None = Field(
        default=None, ge=0, description="the length of the tensor in bytes, if it follows the JSON"
    )


class InputTensor(BaseModel):
    """The recording."""

    model_config = ConfigDict(extra="ignore")

    name: Literal["audio"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(description="`[1]` or `[1, 1]`", examples=[[1]])
    parameters: InputParameters = InputParameters()
    data: list[str | list[str]] | None = Field(
        default=None, description="the recording in Base64; omitted if it follows the JSON"
    )


class InferRequest(BaseModel):
    """A request for the emotion of one utterance."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = Field(default=None, max_length=200, description="an ID that the answer repeats")
    parameters: Parameters = Parameters()
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)


class OutputTensor(BaseModel):
    """A part of the answer."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = Field(default_factory=dict)
    data: list[Any]


class InferResponse(BaseModel):
    """The answer for one utterance."""

    model_name: str
    model_version: str = Field(description="the version of the bundle, SHA-256")
    id: str | None = None
    outputs: list[OutputTensor]


class TensorMetadata(BaseModel):
    """The description of a tensor."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """The description of a model."""

    name: str
    versions: list[str]
    platform: str = "onnx"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(BaseModel):
    """The description of the service."""

    name: str
    version: str
    extensions: list[str]


@dataclass(frozen=True, slots=True)
class Inference:
    """The values of a request. They do not keep its JSON text, which can be larger than the recording.

    Attributes:
        id: an ID that the answer repeats.
        channel: the channel to analyze.
        recording: the bytes of the recording.
    """

    id: str | None
    channel: int | Literal["mix"]
    recording: bytes = field(repr=False)


def parse_request(body: bytes, header_length: int | None) -> Inference:
    """Parse a request.

    Args:
        body: the JSON, perhaps with binary data after it.
        header_length: the length of the JSON, in bytes; None if it is the whole body.

    Returns:
        The values of the request.

    Raises:
        MalformedRequest: the body is no JSON object.
        InvalidRequest: the body has no recording in an input of the right name, type and shape.
    """
    length = len(body) if header_length is None else header_length
    try:
        request = InferRequest.model_validate_json(body[:length])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise MalformedRequest(f"The body is not JSON: {first['msg']}.") from None
        raise InvalidRequest(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    (tensor,) = request.inputs
    if tensor.shape not in ([1], [1, 1]):
        raise InvalidRequest("inputs.0.shape: one recording is accepted, so send [1] or [1, 1].")
    size = tensor.parameters.binary_data_size
    recording = _decoded(tensor.data) if size is None else _element(body[length : length + size])
    return Inference(request.id, request.parameters.channel, recording)


def _element(data: bytes) -> bytes:
    """Return the only element of a binary tensor of the type BYTES."""
    if len(data) < LENGTH.size or LENGTH.unpack_from(data) != (len(data) - LENGTH.size,):
        raise InvalidRequest("inputs.0: the binary data is not one element with its length before it.")
    return data[LENGTH.size :]


def _decoded(data: Sequence[str | list[str]] | None) -> bytes:
    """Return the only element of a tensor in JSON."""
    while isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, str):
        raise InvalidRequest("inputs.0.data: expected one recording in Base64.")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:  # also of text that is not ASCII
        raise InvalidRequest("inputs.0.data: the recording is not valid Base64.") from error


def outputs_of(recognition: Recognition, emotion: str | None, labels: Sequence[str]) -> list[OutputTensor]:
    """Return an answer as tensors.

    Args:
        recognition: the recognition.
        emotion: the emotion in the answer; None without speech, and below the minimum confidence.
        labels: the labels of the bundle.

    Returns:
        The outputs. Without speech, the probabilities are 0. Without an emotion, its text is empty.
    """
    probabilities = recognition.probabilities or dict.fromkeys(labels, 0.0)
    n_labels = len(labels)
    return [
        OutputTensor(
            name="probabilities",
            datatype="FP64",
            shape=[1, n_labels],
            parameters={"labels": list(labels)},
            data=[probabilities[label] for label in labels],
        ),
        OutputTensor(name="emotion", datatype="BYTES", shape=[1], data=[emotion or ""]),
        OutputTensor(name="speech", datatype="BOOL", shape=[1], data=[recognition.speech]),
    ]


def describe_model(name: str, version: str, n_labels: int) -> ModelMetadata:
    """Return the description of a model."""
    return ModelMetadata(
        name=name,
        versions=[version],
        inputs=[TensorMetadata(name=INPUT, datatype="BYTES", shape=[1])],
        outputs=[
            TensorMetadata(name="probabilities", datatype="FP64", shape=[1, n_labels]),
            TensorMetadata(name="emotion", datatype="BYTES", shape=[1]),
            TensorMetadata(name="speech", datatype="BOOL", shape=[1]),
        ],
    )
