"""The rollout of a bundle: which bundle answers the requests that name none, and which one is compared.

The state is one small JSON file (SER_ROLLOUT), which `python -m app rollout` writes and every replica reads.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.core.errors import SpeechEmotionError
from app.core.manifest import Manifest


class RolloutInvalid(SpeechEmotionError):
    """The file of the rollout is not valid, or does not fit the bundles."""


class Rollout(BaseModel):
    """The state of a rollout.

    The ID of a request decides. A balancer that sends a request to a second replica therefore gets the answer
    of the same bundle. A larger share keeps the requests of a smaller one.

    Example:
        >>> rollout = Rollout(stable="old", candidate="new", share=0.25)
        >>> sum(rollout.candidate_answers(str(number)) for number in range(1000))
        251
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    stable: str = Field(description="the bundle that answers the other requests")
    candidate: str | None = Field(default=None, description="the new bundle; null: there is none")
    share: float = Field(default=0.0, ge=0, le=1, description="the share of requests that it answers")
    shadow: float = Field(
        default=0.0, ge=0, le=1, description="the share of the other utterances that it also evaluates"
    )
    previous: str | None = Field(default=None, description="the stable bundle before the last one")

    @model_validator(mode="after")
    def _has_candidate(self) -> Self:
        if self.candidate is None and (self.share or self.shadow):
            raise ValueError("a share needs a candidate")
        return self

    def candidate_answers(self, request_id: str) -> bool:
        """Return whether the candidate answers a request that names no bundle."""
        return self.candidate is not None and _fraction("share", request_id) < self.share

    def candidate_shadows(self, request_id: str) -> bool:
        """Return whether the candidate also evaluates a request that the stable bundle answers."""
        return self.candidate is not None and _fraction("shadow", request_id) < self.shadow

    def start(self, candidate: str, share: float, shadow: float) -> "Rollout":
        """Return the state in which a candidate answers a share of the requests.

        Raises:
            RolloutInvalid: another candidate is in a rollout.
        """
        if self.candidate not in {None, candidate}:
            raise RolloutInvalid(f"{self.candidate!r} is in a rollout. First go forward or back")
        changes = {"candidate": candidate, "share": share, "shadow": shadow}
        return self.model_validate(self.model_dump() | changes)

    def forward(self) -> "Rollout":
        """Return the state in which the candidate answers all requests.

        Raises:
            RolloutInvalid: there is no candidate.
        """
        if self.candidate is None:
            raise RolloutInvalid("There is no new bundle. Name one: python -m app rollout start CANDIDATE")
        return Rollout(stable=self.candidate, previous=self.stable)

    def back(self) -> "Rollout":
        """Return the state without the candidate; if there is none, the state before `forward`.

        Raises:
            RolloutInvalid: there is nothing to undo.
        """
        if self.candidate is not None:
            return Rollout(stable=self.stable, previous=self.previous)
        if self.previous is None:
            raise RolloutInvalid("There is nothing to undo: no new bundle, and no bundle before this one")
        return Rollout(stable=self.previous)

    def check(self, manifests: Mapping[str, Manifest]) -> None:
        """Check that the bundles exist and can replace each other.

        Args:
            manifests: the manifests of the bundles, by name.

        Raises:
            RolloutInvalid: a bundle is missing, both are the same, or their labels differ.
        """
        for name in (self.stable, self.candidate):
            if name is not None and name not in manifests:
                raise RolloutInvalid(
                    f"there is no bundle {name!r}. Copy it to the folder of the bundles (SER_MODELS_DIR), "
                    "and restart every replica and worker"
                )
        if self.candidate is None:
            return
        if self.candidate == self.stable:
            raise RolloutInvalid(f"{self.stable!r} is the stable bundle already. Name another candidate")
        old, new = manifests[self.stable].labels, manifests[self.candidate].labels
        if set(old) != set(new):
            raise RolloutInvalid(
                f"the labels of {self.candidate!r} ({', '.join(new)}) differ from those of {self.stable!r} "
                f"({', '.join(old)}). Callers would get other emotions; let them name the bundle instead"
            )


def read_rollout(path: Path) -> Rollout:
    """Read the file of a rollout.

    Raises:
        RolloutInvalid: the file cannot be read, or is not such a document.
    """
    try:
        return Rollout.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RolloutInvalid(f"SER_ROLLOUT: {error.strerror}: {path}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise RolloutInvalid(f"SER_ROLLOUT: {path}: {field}: {first['msg']}") from error


def first_rollout(path: Path | None, default: str) -> Rollout:
    """Return the rollout of the file, or without a file: the default bundle answers everything.

    Args:
        path: the path of the file, which need not exist; None: no rollout.
        default: the name of the default bundle.

    Raises:
        RolloutInvalid: there is a file, and it is not valid.
    """
    if path is None or not path.exists():
        return Rollout(stable=default)
    return read_rollout(path)


def _fraction(purpose: str, request_id: str) -> float:
    """Return a number from 0 to below 1 that is evenly distributed over requests, for each purpose anew."""
    digest = hashlib.sha256(f"{purpose} {request_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
