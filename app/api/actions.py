"""The actions of the audit log: which requests it records, and under which names."""

from starlette.types import Scope

from app.audit import OK, AuditLog

ACTIONS = {
    ("POST", "/v1/audio/emotions"): "recognize",
    ("POST", "/v1/audio/timeline"): "timeline",
    ("POST", "/v2/models/{name}/infer"): "recognize",
    ("GET", "/v2"): "server.read",
    ("GET", "/v2/models/{name}"): "model.read",
    ("POST", "/v1/jobs"): "job.create",
    ("GET", "/v1/jobs"): "job.list",
    ("GET", "/v1/jobs/{job_id}"): "job.read",
    ("DELETE", "/v1/jobs/{job_id}"): "job.delete",
    ("GET", "/v1/webhooks"): "webhook.list",
    ("POST", "/v1/webhooks/{webhook_id}/replay"): "webhook.replay",
    ("GET", "/v1/live"): "live.list",
    ("GET", "/v1/live/{session}/events"): "live.read",
    ("GET", "/v1/models"): "model.list",
    ("GET", "/v1/models/{name}"): "model.read",
    ("GET", "/v1/keys"): "key.list",
    ("GET", "/metrics"): "metrics.read",
}
"""The names of actions, by method and route. WebSockets record `live.start`, `live.continue`, `live.end`."""

QUIET = frozenset({"metrics.read"})
"""Actions that a monitor repeats every few seconds. Only failures are recorded."""

FAILED = 400


def record_request(audit: AuditLog, scope: Scope, status: int) -> None:
    """Record an answered request.

    Args:
        audit: the audit log.
        scope: the ASGI scope of the request, after the answer.
        status: the status of the answer.
    """
    action = ACTIONS.get((scope["method"], getattr(scope.get("route"), "path", "")))
    if action is None or (action in QUIET and status < FAILED):
        return
    state = scope.get("state", {})
    caller = state.get("caller")
    audit.write(
        action,
        state.get("problem", OK if status < FAILED else str(status)),
        key=caller.name if caller is not None else "",
        client=scope["client"][0] if scope.get("client") else "",
        target=state.get("target", ""),
    )
