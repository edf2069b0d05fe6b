"""Settings, read from the environment: `SER_PORT=9000 make serve`."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def usable_processors() -> int:
    """How many processors this process may use (its CPU affinity, not the machine's count)."""
    return len(os.sched_getaffinity(0))


class Settings(BaseSettings):
    """What an operator can set; each field is the variable SER_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="SER_", frozen=True)

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    models_dir: Path = Field(default=Path("models"), description="folder of the bundles")
    default_model: str = Field(
        default="multilingual", description="bundle that answers where a request names none"
    )
    workers: int = Field(
        default_factory=usable_processors,
        ge=1,
        description="recogniser processes (default: the processors it may use)",
    )
    queue_depth: int = Field(
        default=64, ge=0, description="requests that may wait for a worker; one more gets 503"
    )
    request_timeout: float = Field(
        default=30.0, gt=0, description="seconds a recording may take once it is uploaded, waiting included"
    )
    max_upload_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="largest body of a request, in bytes"
    )
    max_utterance_seconds: float = Field(default=60.0, gt=0, description="longest utterance, in seconds")
    min_seconds: float = Field(default=0.25, gt=0, description="shortest recording, in seconds")
