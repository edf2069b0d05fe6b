"""Metrics, a log line and the audit log for every request."""

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.actions import record_request
from app.api.metrics import Metrics
from app.audit import AuditLog

logger = logging.getLogger(__name__)

UNKNOWN_ROUTE = "unknown"
"""The common name of all unknown addresses, so that random addresses cannot fill the metrics."""
QUIET = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metrics"})
"""Routes that are polled every few seconds. Only failures are logged."""
FAILED = 400


class Observation:
    """ASGI middleware that counts and logs every request, without its body, query and key."""

    def __init__(self, app: ASGIApp, metrics: Metrics, audit: AuditLog) -> None:
        """Wrap an application.

        Args:
            app: the application.
            metrics: the metrics that count the requests.
            audit: the audit log that records the requests.
        """
        self.app = app
        self.metrics = metrics
        self.audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request and record the status of the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def send_and_record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_record)
        finally:
            # Starlette answers an unexpected error with 500, outside of all middleware.
            self._record(scope, status or 500, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
        self.metrics.count_request(scope["method"], route, status, seconds)
        state = scope.get("state", {})
        if (choice := state.get("choice")) is not None:
            self.metrics.count_model_request(choice.model, choice.role, status)
        record_request(self.audit, scope, status)
        if route in QUIET and status < FAILED:
            return
        caller = state.get("caller")
        fields = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
            "caller": caller.name if caller is not None else "",
        }
        logger.info("%(method)s %(route)s %(status)s in %(milliseconds)s ms", fields, extra=fields)
