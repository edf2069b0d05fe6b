"""The container of a running service. `create_app` builds it, and every route uses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgi_correlation_id import correlation_id

from app.answer_builder import AnswerBuilder
from app.api.message_signature import SignatureVerifier
from app.api.metrics import Metrics
from app.api.model_chooser import Choice, ModelChooser
from app.api.rate_limit import RateLimiter
from app.api.security import Authenticator
from app.api.shadows import Shadows
from app.audit import AuditLog
from app.core.errors import ModelNotFound
from app.core.manifest import Manifest
from app.jobs.callbacks import CallbackPolicy
from app.jobs.recordings import Recordings
from app.live.sessions import LiveSessions
from app.pool.pool import WorkerPool
from app.settings import Settings

if TYPE_CHECKING:
    from app.jobs.queue import JobQueue  # imports DBOS, which a service without jobs does not need
    from app.live.relay import Relay  # imports psycopg


@dataclass(frozen=True, slots=True)
class Jobs:
    """The components for jobs.

    Attributes:
        queue: the queue of the jobs.
        recordings: the storage of the recordings.
        policy: the policy for callbacks.
    """

    queue: "JobQueue"
    recordings: Recordings
    policy: CallbackPolicy


@dataclass(frozen=True, slots=True)
class Service:
    """The components of a service.

    Attributes:
        settings: the settings of the operator.
        pool: the pool of worker processes.
        manifests: the manifests of the served bundles, by name.
        chooser: the choice of bundles for requests that name none.
        answers: the builder of answers for calls.
        metrics: the metrics.
        shadows: the comparisons of the candidate of a rollout with the stable bundle.
        authenticator: the authenticator of callers.
        rates: the rate limiter of callers.
        audit: the audit log.
        live: the live sessions.
        relay: the live messages of all replicas; None if there is one replica.
        jobs: the components for jobs; None if jobs are disabled.
        audiohook: the verifier of the requests of Genesys Cloud; None if they need no signature.
    """

    settings: Settings
    pool: WorkerPool
    manifests: Mapping[str, Manifest]
    chooser: ModelChooser
    answers: AnswerBuilder
    metrics: Metrics
    shadows: Shadows
    authenticator: Authenticator
    rates: RateLimiter
    audit: AuditLog
    live: LiveSessions
    relay: "Relay | None"
    jobs: Jobs | None = None
    audiohook: SignatureVerifier | None = None

    def find_model(self, name: str) -> Manifest:
        """Find a bundle by name.

        Raises:
            ModelNotFound: the service has no bundle of that name.
        """
        if name not in self.manifests:
            served = ", ".join(sorted(self.manifests))
            raise ModelNotFound(f"There is no model {name!r}. Choose one of: {served}.")
        return self.manifests[name]

    def choose_model(self, name: str | None) -> Choice:
        """Choose the bundle of the present request. An explicit name always wins.

        Args:
            name: the name in the request; None or empty: it names none.

        Raises:
            ModelNotFound: the service has no bundle of that name.
        """
        if name:
            return Choice(self.find_model(name).name, "named")
        return self.chooser.choose(correlation_id.get() or "")
