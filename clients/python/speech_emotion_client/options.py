"""The options of the requests, as keyword arguments, and their form in a request."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class _Options(TypedDict, total=False):
    """Options of all requests with a recording.

    Attributes:
        model: the name of the bundle; the default model if omitted.
        min_confidence: the highest probability below which there is no emotion, 0 to 1.
        metadata: strings about the call, which the answer repeats.
        parameters: further query parameters, for a service that is newer than the client.
    """

    model: str
    min_confidence: float
    metadata: Mapping[str, str]
    parameters: Mapping[str, str]


class UtteranceOptions(_Options, total=False):
    """Options of `recognize`, in addition to `model`, `min_confidence`, `metadata` and `parameters`.

    Attributes:
        channel: the channel to analyze, counted from 0, or `mix` (the default).
    """

    channel: int | Literal["mix"]


class CallOptions(_Options, total=False):
    """Options of `timeline`, in addition to `model`, `min_confidence`, `metadata` and `parameters`.

    Attributes:
        channels: the channels to analyze, counted from 0; all permitted channels if omitted.
        roles: a name for each channel, or for each of its `speakers`.
        speakers: the number of speakers to separate on each channel, or `auto`.
        speaker_order: the order of the speakers: by their first words, or by their share of the speech.
        merge: whether neighboring segments of the same emotion become one segment.
    """

    channels: Sequence[int]
    roles: Sequence[str]
    speakers: int | Literal["auto"]
    speaker_order: Literal["first", "share"]
    merge: bool


class JobOptions(CallOptions, total=False):
    """Options of `jobs.create`, in addition to those of `timeline`.

    Attributes:
        callback_url: the receiver of a signed webhook when the job ends.
        idempotency_key: a key of your choice. A repeated request with the same key returns the same job.
    """

    callback_url: str
    idempotency_key: str


class WaitOptions(TypedDict, total=False):
    """Options of `jobs.wait` and `jobs.result`.

    Attributes:
        timeout: the seconds after which waiting ends with `TimedOut`; without limit if omitted. The job
            continues.
        poll: the seconds between two requests, 5 if omitted.
    """

    timeout: float
    poll: float


class _LiveFormat(TypedDict):
    encoding: Literal["linear16", "mulaw", "alaw"]
    sampling_rate: int


class LiveOptions(_LiveFormat, total=False):
    """Options of `live`.

    Attributes:
        encoding: the encoding of a sample (required). `linear16` is little-endian.
        sampling_rate: the sampling rate in Hz (required).
        channels: the number of interleaved channels, 1 if omitted.
        roles: a name for each channel, or for each of its `speakers`.
        speakers: the number of speakers to separate on each channel, or `auto`.
        speaker_order: the order of the speakers: by their first words, or by their share of the speech.
        analyze: the channels to analyze, counted from 0; every permitted channel if omitted.
        interim_interval: the seconds of speech between two interim answers; None for no interim answers.
        model: the name of the bundle; the default model if omitted.
        min_confidence: the highest probability below which a segment has no emotion, 0 to 1.
        keep: whether the timeline is kept as the result of a job with the ID of the session.
        callback: the webhooks of the session: `{"url": …, "events": […]}`.
        reference: the ID of the call at the client.
        metadata: strings about the call, which the summary repeats.
    """

    channels: int
    roles: Sequence[str]
    speakers: int | Literal["auto"]
    speaker_order: Literal["first", "share"]
    analyze: Sequence[int]
    interim_interval: float | None
    model: str
    min_confidence: float
    keep: bool
    callback: Mapping[str, Any]
    reference: str
    metadata: Mapping[str, str]


HEADERS: Mapping[str, str] = {"metadata": "Metadata", "idempotency_key": "Idempotency-Key"}
"""The options that are headers, because proxies log addresses."""


def split(options: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the query parameters and the headers of options.

    Example:
        >>> split({"channels": [0, 1], "merge": True, "metadata": {"call": "7"}})
        ({'channels': '0,1', 'merge': 'true'}, {'Metadata': '{"call": "7"}'})
    """
    options = dict(options)
    query: dict[str, str] = dict(options.pop("parameters", {}))
    headers: dict[str, str] = {}
    for name, value in options.items():
        if name in HEADERS:
            headers[HEADERS[name]] = value if isinstance(value, str) else json.dumps(dict(value))
        else:
            query[name] = _text(value)
    return query, headers


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)
