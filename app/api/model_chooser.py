"""The choice of the bundle for a request that names none."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.core.manifest import Manifest
from app.file_watch import FileWatch
from app.rollout import Rollout, RolloutInvalid, first_rollout, read_rollout

logger = logging.getLogger(__name__)

Role = Literal["named", "stable", "candidate"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The bundle of a request.

    Attributes:
        model: the name of the bundle that answers.
        role: `named` if the request names the bundle, or the role of the bundle in the rollout.
        shadow: the name of the bundle that also evaluates the request, without influence on the answer; None:
            there is none.
    """

    model: str
    role: Role
    shadow: str | None = None


class ModelChooser:
    """The choice of bundles by the rollout, which a changed file replaces without a restart.

    Attributes:
        valid: whether the present file is valid. If it is not, the last valid state remains.
    """

    def __init__(self, manifests: Mapping[str, Manifest], default: str, file: Path | None = None) -> None:
        """Read the rollout.

        Args:
            manifests: the manifests of all bundles, by name.
            default: the bundle that answers requests without a name as long as there is no file.
            file: the path of the file, which need not exist; None: no rollout.

        Raises:
            RolloutInvalid: there is a file, and it is not valid.
        """
        self._manifests = manifests
        self._file = file
        self._watch = FileWatch(file) if file is not None else None
        self._rollout = self._checked(first_rollout(file, default))
        self.valid = True

    @property
    def rollout(self) -> Rollout:
        """The rollout of the newest valid file."""
        if self._file is not None and self._watch is not None and self._watch.has_changed():
            self._reload(self._file)
        return self._rollout

    def choose(self, request_id: str) -> Choice:
        """Choose the bundle of a request that names none, by the ID of the request."""
        rollout = self.rollout
        if rollout.candidate is not None and rollout.candidate_answers(request_id):
            return Choice(rollout.candidate, "candidate")
        shadow = rollout.candidate if rollout.candidate_shadows(request_id) else None
        return Choice(rollout.stable, "stable", shadow)

    def _reload(self, file: Path) -> None:
        """Read the file again. After an error, the old state stays valid."""
        try:
            self._rollout = self._checked(read_rollout(file))
        except RolloutInvalid as error:
            self.valid = False
            logger.error("the rollout is not changed: %s", error)  # noqa: TRY400  # the message has the reason
            return
        self.valid = True
        logger.info("the rollout was read again: %s", self._rollout.model_dump_json())

    def _checked(self, rollout: Rollout) -> Rollout:
        """Return a rollout that fits the bundles of this replica.

        Raises:
            RolloutInvalid: it does not.
        """
        try:
            rollout.check(self._manifests)
        except RolloutInvalid as error:
            raise RolloutInvalid(f"SER_ROLLOUT: {self._file}: {error}") from None
        return rollout
