"""Settings, read from the environment: `SER_PORT=9000 make serve`."""

import base64
import ipaddress
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

import limits
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.callback_secrets import parse_secrets
from app.core.channels import ChannelPolicy
from app.core.containers import DEFAULT_FORMATS, FORMATS
from app.keys import Key, parse_keys
from app.processors import usable_processors

_MIN_SECRET_BYTES = 16


class Settings(BaseSettings):
    """The settings of the service. The environment variable of each field is SER_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="SER_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    models_dir: Path = Field(default=Path("models"), description="folder of the bundles")
    default_model: str = Field(default="multilingual", description="bundle for requests that name none")
    rollout: Path | None = Field(
        default=None,
        description="JSON file that `python -m app rollout` writes: the bundles for requests that name none; "
        "read again when it changes",
    )
    api_keys: str = Field(default="", description="callers: `name:SHA-256 of the key`, separated by commas")
    api_keys_file: Path | None = Field(
        default=None, description="file with such entries, one per line; read again when it changes"
    )
    allow_unauthenticated: bool = Field(default=False, description="listen beyond loopback without keys")
    rate_limit: str = Field(
        default="", description="requests per key, such as `600/minute`; empty: unlimited"
    )
    key_concurrency: int | None = Field(
        default=None,
        ge=1,
        description="requests of one key at a time, uploads included; the next one gets 429 (default: half "
        "of SER_WORKERS + SER_QUEUE_DEPTH)",
    )
    channels: str = Field(
        default="all", description="channels that may be analyzed, such as `1` or `0,1`, counted from 0"
    )
    min_confidence: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="highest probability below which an answer has no emotion, unless the request has its "
        "own; 0: always answer",
    )
    rules: Path | None = Field(
        default=None, description="YAML file of the rules that raise alerts, see docs/rules.md"
    )
    workers: int = Field(
        default_factory=usable_processors,
        ge=1,
        description="worker processes (default: one for each usable processor)",
    )
    queue_depth: int = Field(
        default=64, ge=0, description="requests that may wait for a worker; the next one gets 503"
    )
    request_timeout: float = Field(
        default=30.0, gt=0, description="seconds for an utterance after its upload, waiting included"
    )
    upload_pause: float = Field(
        default=10.0, gt=0, description="seconds without a byte after which an upload is aborted"
    )
    upload_timeout: float = Field(default=60.0, gt=0, description="seconds for a whole upload")
    max_upload_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="largest body of a request, in bytes"
    )
    max_call_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1, description="largest body with a call, in bytes; stored on disk"
    )
    max_utterance_seconds: float = Field(default=60.0, gt=0, description="longest utterance, in seconds")
    max_call_seconds: float = Field(default=3600.0, gt=0, description="longest call, in seconds")
    call_timeout: float = Field(default=600.0, gt=0, description="seconds for a call after its upload")
    jobs: bool = Field(default=True, description="accept jobs, `POST /v1/jobs`")
    data_dir: Path = Field(
        default=Path("data"),
        description="folder of the jobs, unless SER_JOBS_URL and SER_JOBS_RECORDINGS name another place",
    )
    jobs_url: str = Field(
        default="",
        description="database of the jobs, `postgresql://…` for several machines; else in SER_DATA_DIR",
    )
    jobs_recordings: str = Field(
        default="",
        description="store of the recordings, `s3://bucket/prefix` for several machines; else SER_DATA_DIR",
    )
    jobs_at_a_time: int = Field(
        default=1,
        ge=0,
        description="jobs that this process runs at a time; 0: run none here and leave jobs to dedicated "
        "workers",
    )
    jobs_depth: int = Field(
        default=1000, ge=1, description="jobs that may wait or run; the next one gets 503"
    )
    max_job_bytes: int = Field(
        default=512 * 1024 * 1024, ge=1, description="largest body with a job, in bytes"
    )
    max_job_seconds: float = Field(default=14400.0, gt=0, description="longest call in a job, in seconds")
    job_timeout: float = Field(default=14400.0, gt=0, description="seconds for a job")
    result_ttl: float = Field(
        default=86400.0, gt=0, description="seconds for which an ended job and its result are kept"
    )
    callback_secrets: str = Field(
        default="",
        description="secrets that sign callbacks, separated by commas: `host/path=whsec_…` for one receiver, "
        "`whsec_…` for all others; empty: no callbacks",
    )
    callback_private: bool = Field(
        default=False, description="permit callbacks to private networks, and over HTTP"
    )
    live_sessions: int = Field(
        default=100, ge=0, description="live sessions at a time; the next one gets 503"
    )
    live_sessions_per_key: int = Field(default=100, ge=1, description="live sessions of one key at a time")
    live_max_speed: float = Field(
        default=2.0, ge=1, description="fastest live audio, times real time; faster audio waits"
    )
    live_idle_seconds: float = Field(
        default=30.0, gt=0, description="seconds without a message after which a live session ends"
    )
    live_reconnect_seconds: float = Field(
        default=30.0, gt=0, description="seconds for a new connection to a live session that lost its own"
    )
    live_max_message_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="largest message of a live session, in bytes"
    )
    audiohook_secret: SecretStr | None = Field(
        default=None,
        description="client secret of Genesys Cloud AudioHook, in Base64; refuses unsigned requests",
    )
    formats: str = Field(
        default=",".join(DEFAULT_FORMATS),
        description="formats that are accepted, separated by commas; also `caf`, `adpcm`, `gsm`, `g72x`",
    )
    min_seconds: float = Field(default=0.25, gt=0, description="shortest recording, in seconds")
    max_worker_bytes: int = Field(
        default=1024 * 1024 * 1024,
        ge=1,
        description="memory of a worker, in bytes, above which it is replaced",
    )
    sandbox: bool = Field(
        default=True,
        description="take network, files, programs and further memory from a worker once it is loaded",
    )
    shutdown_delay: float = Field(
        default=1.0,
        ge=0,
        description="seconds after the stop signal in which requests are still accepted, while not ready",
    )
    audit_log: str = Field(
        default="",
        description="file to which each action of a caller is appended as JSON; `-`: standard output",
    )
    log_format: Literal["console", "json"] = Field(default="console", description="`console` or `json`")
    tracing: bool = Field(
        default=False, description="send OpenTelemetry traces to OTEL_EXPORTER_OTLP_ENDPOINT"
    )

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, text: str) -> str:
        if text:
            limits.parse(text)
        return text

    @field_validator("channels")
    @classmethod
    def _is_channels(cls, text: str) -> str:
        if text != "all" and not re.fullmatch(r"\d+(,\d+)*", text):
            raise ValueError("expected `all`, or indices from 0 separated by commas, such as 0,1")
        return text

    @field_validator("formats")
    @classmethod
    def _is_formats(cls, text: str) -> str:
        if not set(text.split(",")) <= set(FORMATS):
            raise ValueError(f"expected names separated by commas, out of {', '.join(FORMATS)}")
        return text

    @field_validator("callback_secrets")
    @classmethod
    def _is_secrets(cls, text: str) -> str:
        parse_secrets(text)
        return text

    @field_validator("audiohook_secret")
    @classmethod
    def _is_base64(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(_decoded(secret.get_secret_value())) < _MIN_SECRET_BYTES:
            # The message must not show the secret.
            raise ValueError(f"expected at least {_MIN_SECRET_BYTES} bytes in Base64")
        return secret

    @field_validator("tracing")
    @classmethod
    def _can_trace(cls, enabled: bool) -> bool:  # noqa: FBT001  # pydantic passes the value by position
        if enabled and find_spec("opentelemetry.sdk") is None:
            raise ValueError("the extra `tracing` is not installed; install requirements/tracing.txt")
        return enabled

    @model_validator(mode="after")
    def _is_closed(self) -> Self:
        """Reject unauthenticated access beyond loopback, unless the operator permits it explicitly."""
        if not (self.read_keys() or self.allow_unauthenticated or _is_loopback(self.host)):
            raise ValueError(
                f"SER_HOST: without keys, only a loopback address is permitted, not {self.host}. Set "
                "SER_API_KEYS (`python -m app key NAME` creates a key), or SER_ALLOW_UNAUTHENTICATED=true."
            )
        return self

    def read_keys(self) -> tuple[Key, ...]:
        """Read the API keys, from the setting and the file.

        Raises:
            ValueError: an entry is malformed, a key permits a channel that the service does not, or the file
                cannot be read.
        """
        entries = [entry.strip() for entry in self.api_keys.split(",")]
        keys = parse_keys("SER_API_KEYS, entry", _numbered(entries))
        if self.api_keys_file is not None:
            try:
                lines = self.api_keys_file.read_text(encoding="utf-8").splitlines()
            except OSError as error:
                raise ValueError(f"SER_API_KEYS_FILE: {error.strerror}: {self.api_keys_file}") from error
            keys += parse_keys(
                "SER_API_KEYS_FILE, line", _numbered(line.partition("#")[0].strip() for line in lines)
            )
        permitted = self.channel_policy.permitted
        for key in keys:
            if permitted is not None and not (key.channels or set()) <= permitted:
                raise ValueError(f"SER_API_KEYS: key {key.name}: SER_CHANNELS does not permit its channels")
        return keys

    @property
    def signing_secrets(self) -> dict[str, list[str]]:
        """The secrets that sign callbacks, by receiver, `host[:port][/path]`; empty for all others."""
        return parse_secrets(self.callback_secrets)

    @property
    def jobs_database(self) -> str:
        """The URL of the database of the jobs."""
        return self.jobs_url or f"sqlite:///{self.data_dir.absolute() / 'jobs.sqlite'}"

    @property
    def recordings_url(self) -> str:
        """The URL of the store of the recordings."""
        return self.jobs_recordings or (self.data_dir.absolute() / "recordings").as_uri()

    @property
    def enabled_formats(self) -> tuple[str, ...]:
        """The names of the formats that are accepted."""
        return tuple(self.formats.split(","))

    @property
    def channel_policy(self) -> ChannelPolicy:
        """The channels that may be analyzed."""
        return ChannelPolicy.of(None if self.channels == "all" else map(int, self.channels.split(",")))


def _numbered(entries: Iterable[str]) -> list[tuple[int, str]]:
    """Number entries from 1, and leave out the empty ones."""
    return [(number, entry) for number, entry in enumerate(entries, 1) if entry]


def _decoded(text: str) -> bytes:
    """Return the bytes of Base64; none if the text is not."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
