"""The metrics of the service, for Prometheus."""

from collections import Counter as Counts
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answers import AlertAnswer
from app.api.model_chooser import ModelChooser, Role
from app.core.manifest import UNDECIDED
from app.core.recognition import Recognition
from app.core.timeline import Timeline
from app.jobs.job import State
from app.jobs.webhook import DeliveryState
from app.live.sessions import LiveSessions
from app.pool.pool import WorkerPool

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CALL_SECONDS = (0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
DISTANCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1)
NO_SPEECH = NO_ANSWER = "none"

Result = Literal["agreed", "disagreed", "skipped", "failed"]
"""The result of the comparison of a candidate with an answer."""


class Metrics:
    """The metrics of one service.

    Attributes:
        registry: the registry of all metrics.
    """

    def __init__(self, pool: WorkerPool, live: LiveSessions, chooser: ModelChooser) -> None:
        """Create all metrics at zero. Those of pool, live sessions and rollout are read at each scrape.

        This function is long because it is the table of all metrics.
        """
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(_Collector(pool, live, chooser))
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, buckets=SECONDS, registry=self.registry)
        self._requests = counter(
            "ser_requests",
            "Answered requests.",
            ("method", "route", "status"),
        )
        self._request_seconds = histogram(
            "ser_request_seconds",
            "Time from the head of a request to the end of the answer.",
            ("route",),
        )
        self._stage_seconds = histogram(
            "ser_stage_seconds",
            "Time of a recording in each stage: queue, decode, features, inference.",
            ("stage",),
        )
        self._call_stage_seconds = histogram(
            "ser_call_stage_seconds",
            "Time of a recorded call in each stage: inspect, detect, recognize, group.",
            ("stage",),
            buckets=CALL_SECONDS,
        )
        self._emotions = counter(
            "ser_emotions",
            f"Recognized emotions; {NO_SPEECH} is a recording without speech, {UNDECIDED} is an answer "
            "below the minimum confidence.",
            ("model", "emotion"),
        )
        self._model_requests = counter(
            "ser_model_requests",
            "Requests to analyze a recording by the model that answers, and its role: named by the request, "
            "stable or candidate. Status 101 is the start of a live session.",
            ("model", "role", "status"),
        )
        self._shadows = counter(
            "ser_shadows",
            "Utterances for a candidate to evaluate without influence on the answer: agreed or disagreed "
            "with the answer about the most probable emotion, skipped because no worker was free, or failed.",
            ("model", "result"),
        )
        self._shadow_distance = histogram(
            "ser_shadow_distance",
            "Total variation distance between the probabilities of a candidate and those of the answer.",
            ("model",),
            buckets=DISTANCES,
        )
        self._audio_seconds = counter("ser_audio_seconds", "Analyzed audio.", ("model",))
        self._alerts = counter("ser_alerts", "Alerts in the answers for calls.", ("rule", "severity"))
        self._segment_seconds = histogram(
            "ser_live_segment_seconds",
            "Time from the message that completes a live segment to its answer.",
        )
        self._live_lag = histogram(
            "ser_live_lag_seconds",
            "Time from the arrival of live audio to the end of its detection.",
        )
        self._live_audio_seconds = counter("ser_live_audio_seconds", "Received live audio.", ("protocol",))
        self._live_connections = counter(
            "ser_live_connections",
            "Ended connections of live sessions, by close code; 1006 is a connection that the client closed.",
            ("protocol", "code"),
        )
        self._live_messages = counter(
            "ser_live_irregular_messages",
            "Messages of telephony platforms that were reordered or dropped.",
            ("protocol", "kind"),
        )
        self._jobs = Gauge("ser_jobs", "Stored jobs of all replicas.", ("state",), registry=self.registry)
        self._webhooks = Gauge(
            "ser_webhooks",
            "Webhooks of all replicas that wait for an attempt (pending) or were given up (failed).",
            ("state",),
            registry=self.registry,
        )
        self._callbacks = counter(
            "ser_callbacks",
            f"Callback tries; status {NO_ANSWER} is a try without an answer.",
            ("status",),
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request.

        Args:
            method: the method of the request.
            route: the path template of the route, which keeps the number of values small.
            status: the status of the answer.
            seconds: the time to the end of the answer, in seconds.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def count_model_request(self, model: str, role: Role, status: int) -> None:
        """Count a request to analyze a recording.

        Args:
            model: the name of the bundle that answers.
            role: its role.
            status: the status of the answer.
        """
        self._model_requests.labels(model, role, str(status)).inc()

    def count_shadow(self, model: str, result: Result, distance: float | None = None) -> None:
        """Count an utterance for a candidate to evaluate.

        Args:
            model: the name of the candidate.
            result: the result of the comparison.
            distance: the total variation distance between the probabilities, from 0 to 1; None if there are
                none.
        """
        self._shadows.labels(model, result).inc()
        if distance is not None:
            self._shadow_distance.labels(model).observe(distance)

    def count_recognition(self, model: str, recognition: Recognition, emotion: str | None) -> None:
        """Count a recording that a model analyzed.

        Args:
            model: the name of the bundle.
            recognition: the recognition.
            emotion: the emotion in the answer; None without speech, and below the minimum confidence.
        """
        for stage, seconds in recognition.seconds.items():
            self._stage_seconds.labels(stage).observe(seconds)
        self._emotions.labels(model, emotion or (UNDECIDED if recognition.speech else NO_SPEECH)).inc()
        self._audio_seconds.labels(model).inc(recognition.duration)

    def count_timeline(self, model: str, timeline: Timeline) -> None:
        """Count a call that a model analyzed: its stages, the speech, and the emotion of each segment."""
        for stage, seconds in timeline.seconds.items():
            self._call_stage_seconds.labels(stage).observe(seconds)
        for channel in timeline.channels:
            self._audio_seconds.labels(model).inc(channel.speech_duration)
            for segment in channel.segments:
                self._emotions.labels(model, segment.emotion or UNDECIDED).inc()

    def count_alerts(self, alerts: Sequence[AlertAnswer]) -> None:
        """Count the alerts of a call."""
        for alert in alerts:
            self._alerts.labels(alert.rule, alert.severity).inc()

    def count_live_segment(self, seconds: float) -> None:
        """Count a live segment by the time from its last message to its answer, in seconds."""
        self._segment_seconds.observe(seconds)

    def count_live_audio(self, protocol: str, seconds: float, lag: float) -> None:
        """Count received audio: its duration, and the time until its speech was detected, in seconds."""
        self._live_audio_seconds.labels(protocol).inc(seconds)
        self._live_lag.observe(lag)

    def count_live_connection(self, protocol: str, code: int, n_reordered: int, n_dropped: int) -> None:
        """Count an ended connection by its close code, and its irregular messages."""
        self._live_connections.labels(protocol, str(code)).inc()
        self._live_messages.labels(protocol, "reordered").inc(n_reordered)
        self._live_messages.labels(protocol, "dropped").inc(n_dropped)

    def count_callback(self, status: int) -> None:
        """Count a callback try by the status that the receiver answered; 0 if there was no answer."""
        self._callbacks.labels(str(status or NO_ANSWER)).inc()

    def show_jobs(self, counts: Mapping[State, int]) -> None:
        """Set the number of jobs in each state. An empty mapping removes all numbers."""
        self._jobs.clear()
        for state, count in counts.items():
            self._jobs.labels(state).set(count)

    def show_webhooks(self, counts: Mapping[DeliveryState, int]) -> None:
        """Set the number of webhooks in each state. An empty mapping removes all numbers."""
        self._webhooks.clear()
        for state, count in counts.items():
            self._webhooks.labels(state).set(count)


class _Collector(Collector):
    """A collector that reads the pool, the live sessions and the rollout at each scrape."""

    def __init__(self, pool: WorkerPool, live: LiveSessions, chooser: ModelChooser) -> None:
        self._pool = pool
        self._live = live
        self._chooser = chooser

    def collect(self) -> list[Metric]:
        """Return the numbers of held slots, waiting recordings, workers, live sessions, and the rollout."""
        replaced = CounterMetricFamily(
            "ser_workers_replaced", "Replaced worker processes.", labels=["reason"]
        )
        for reason, count in self._pool.replaced.items():
            replaced.add_metric([reason], count)
        live = GaugeMetricFamily("ser_live_sessions", "Live sessions.", labels=["protocol"])
        for protocol, count in Counts(session.info.protocol for session in self._live.running).items():
            live.add_metric([protocol], count)
        rollout = self._chooser.rollout
        shares = GaugeMetricFamily(
            "ser_rollout_share",
            "Share of the requests without a model that a model answers.",
            labels=["model", "role"],
        )
        shares.add_metric([rollout.stable, "stable"], 1 - rollout.share)
        if rollout.candidate is not None:
            shares.add_metric([rollout.candidate, "candidate"], rollout.share)
        return [
            GaugeMetricFamily(
                "ser_places_taken",
                "Requests that hold a slot, from before their upload.",
                self._pool.n_slots,
            ),
            GaugeMetricFamily("ser_queue_depth", "Recordings that wait for a worker.", self._pool.n_waiting),
            live,
            GaugeMetricFamily("ser_workers_alive", "Live worker processes.", self._pool.n_alive),
            replaced,
            shares,
            GaugeMetricFamily(
                "ser_rollout_valid",
                "Whether the file of the rollout is valid. If not, the last valid state remains.",
                self._chooser.valid,
            ),
        ]
