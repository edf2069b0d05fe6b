"""What is counted, for Prometheus."""

from collections.abc import Mapping

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

from app.core.recognition import Recognition
from app.core.timeline import Timeline
from app.jobs.job import State
from app.workers import WorkerPool

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)
NO_SPEECH = NO_ANSWER = "none"


class Metrics:
    """The counters of one service.

    Attributes:
        registry: of all of them.
    """

    def __init__(self, pool: WorkerPool) -> None:
        """Start at zero; the pool is asked when the metrics are."""
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(_PoolCollector(pool))
        self._requests = Counter(
            "ser_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "ser_request_seconds",
            "From a request's head to its answer's end.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._stage_seconds = Histogram(
            "ser_stage_seconds",
            "What a recording waits and works for: queue, decode, features, inference.",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._emotions = Counter(
            "ser_emotions",
            f"Emotions that were answered; {NO_SPEECH} is no speech.",
            ("model", "emotion"),
            registry=self.registry,
        )
        self._audio_seconds = Counter(
            "ser_audio_seconds", "Sound that was analysed.", ("model",), registry=self.registry
        )

        self._jobs = Gauge(
            "ser_jobs", "Jobs that are kept, of all replicas.", ("state",), registry=self.registry
        )
        self._callbacks = Counter(
            "ser_callbacks",
            f"Callbacks that were tried; status {NO_ANSWER} is no answer.",
            ("status",),
            registry=self.registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            method: of the request.
            route: the path as the route has it, so that there are few.
            status: of the answer.
            seconds: that it took.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def count_recognition(self, model: str, recognition: Recognition) -> None:
        """Count a recording that was analysed by a model."""
        for stage, seconds in recognition.seconds.items():
            self._stage_seconds.labels(stage).observe(seconds)
        self._emotions.labels(model, recognition.emotion or NO_SPEECH).inc()
        self._audio_seconds.labels(model).inc(recognition.duration)

    def count_timeline(self, model: str, timeline: Timeline) -> None:
        """Count a call that was analysed by a model: its speech, and the emotion of each segment."""
        for channel in timeline.channels:
            self._audio_seconds.labels(model).inc(channel.speech_duration)
            for segment in channel.segments:
                self._emotions.labels(model, segment.emotion).inc()

    def count_callback(self, status: int) -> None:
        """Count a callback that was tried, by what the receiver answered; 0: nothing."""
        self._callbacks.labels(str(status or NO_ANSWER)).inc()

    def show_jobs(self, counts: Mapping[State, int]) -> None:
        """Show how many jobs there are in each state; none, if nobody knows."""
        self._jobs.clear()
        for state, count in counts.items():
            self._jobs.labels(state).set(count)


class _PoolCollector(Collector):
    """Reads the pool when it is asked."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    def collect(self) -> list[Metric]:
        """Places taken, queue depth, workers alive, workers replaced."""
        replaced = CounterMetricFamily(
            "ser_workers_replaced", "Worker processes that were replaced.", labels=["reason"]
        )
        for reason, count in self._pool.replaced.items():
            replaced.add_metric([reason], count)
        return [
            GaugeMetricFamily(
                "ser_places_taken",
                "Requests that have a place, from before their upload is read.",
                self._pool.n_places,
            ),
            GaugeMetricFamily("ser_queue_depth", "Recordings that wait for a worker.", self._pool.n_waiting),
            GaugeMetricFamily("ser_workers_alive", "Worker processes that live.", self._pool.n_alive),
            replaced,
        ]
