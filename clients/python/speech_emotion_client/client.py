"""The client for programs without asyncio."""

import time
from typing import Any, Self, TypeVar, Unpack

import httpx2

from speech_emotion_client import flows, requests
from speech_emotion_client.answers import Job, JobPage, Models, Timeline, Utterance
from speech_emotion_client.configuration import ClientOptions, Configuration, http_errors, response_of
from speech_emotion_client.flows import HttpFlow, Pause, Progress
from speech_emotion_client.live_session import LiveSession
from speech_emotion_client.options import CallOptions, JobOptions, LiveOptions, UtteranceOptions, WaitOptions
from speech_emotion_client.recordings import Source
from speech_emotion_client.requests import Request, Response
from speech_emotion_client.retries import Retries

T = TypeVar("T")


class Client:
    """A client of a speech emotion service. Threads can share it.

    Every request is sent again after temporary errors, as `retries` says.

    Example:
        with Client("https://emotions.example.com", key="…") as client:
            print(client.recognize("utterance.wav").emotion)

    Attributes:
        jobs: the operations on jobs.
    """

    def __init__(self, url: str, key: str | None = None, **options: Unpack[ClientOptions]) -> None:
        """Configure a client. It connects with the first request.

        Args:
            url: the address of the service, such as `https://emotions.example.com`.
            key: the API key; None if the service has none.
            **options: see `ClientOptions`.
        """
        self._configuration = Configuration(url=url, key=key, **options)
        self._http = httpx2.Client(**self._configuration.http_client())
        self.jobs = Jobs(self)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def recognize(self, recording: Source, **options: Unpack[UtteranceOptions]) -> Utterance:
        """Recognize the emotion of one utterance.

        Args:
            recording: the bytes of a recording, its path, an open file, or an iterable of pieces.
            **options: see `UtteranceOptions`.

        Raises:
            ProblemError: the service refused the request, or failed.
            ConnectionFailed: the service cannot be reached.
        """
        return self.run(flows.exchange(requests.recognize(recording, options), self.retries))

    def timeline(self, recording: Source, **options: Unpack[CallOptions]) -> Timeline:
        """Analyze a call.

        Args:
            recording: the bytes of a recording, its path, an open file, or an iterable of pieces.
            **options: see `CallOptions`.

        Raises:
            ProblemError: the service refused the request, or failed.
            ConnectionFailed: the service cannot be reached.
        """
        return self.run(flows.exchange(requests.timeline(recording, options), self.retries))

    def models(self) -> Models:
        """Return the served models."""
        return self.run(flows.exchange(requests.list_models(), self.retries))

    def live(
        self, *, max_speed: float | None = None, keep_seconds: float = 60.0, **options: Unpack[LiveOptions]
    ) -> LiveSession:
        """Return a session that analyzes a call while it happens. Enter it with `with`.

        Args:
            max_speed: the fastest audio, relative to real time; the limit of the service if None.
            keep_seconds: the audio to keep for a reconnection, in seconds.
            **options: see `LiveOptions`.
        """
        return LiveSession(self._configuration, options, max_speed, keep_seconds)

    @property
    def retries(self) -> Retries:
        """The policy of retries."""
        return self._configuration.retries

    def run(self, flow: HttpFlow[T]) -> T:
        """Run a flow of requests and pauses."""
        return flows.drive(flow, self._perform)

    def _perform(self, step: Request[Any] | Pause) -> Response | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        content = None if step.recording is None else step.recording.pieces()
        with http_errors(self._configuration.url):
            return response_of(self._http.request(content=content, **self._configuration.http_request(step)))


class Jobs:
    """The operations on jobs, which analyze calls in the background."""

    def __init__(self, client: Client) -> None:
        """Use the connections of a client."""
        self._client = client

    def create(self, recording: Source, **options: Unpack[JobOptions]) -> Job:
        """Create a job that analyzes a call. The answer comes at once.

        Args:
            recording: the bytes of a recording, its path, an open file, or an iterable of pieces.
            **options: see `JobOptions`.
        """
        return self._client.run(flows.exchange(requests.create_job(recording, options), self._client.retries))

    def get(self, job_id: str) -> Job:
        """Return the state of a job, and its result after success."""
        return self._client.run(flows.exchange(requests.get_job(job_id), self._client.retries))

    def wait(self, job_id: str, on_progress: Progress | None = None, **options: Unpack[WaitOptions]) -> Job:
        """Wait until a job ends, and return it.

        Args:
            job_id: the ID of the job.
            on_progress: a function that is called with the job whenever its state or its progress changes.
            **options: see `WaitOptions`.

        Raises:
            TimedOut: the job did not end in time.
        """
        return self._client.run(flows.wait_for_job(job_id, self._client.retries, on_progress, **options))

    def result(
        self, job_id: str, on_progress: Progress | None = None, **options: Unpack[WaitOptions]
    ) -> Timeline:
        """Wait until a job ends, and return its timeline.

        Args:
            job_id: the ID of the job.
            on_progress: a function that is called with the job whenever its state or its progress changes.
            **options: see `WaitOptions`.

        Raises:
            ProblemError: the job failed; the subclass tells the kind of the error.
            JobCancelled: the job was cancelled.
            TimedOut: the job did not end in time.
        """
        return self.wait(job_id, on_progress, **options).timeline()

    def delete(self, job_id: str) -> None:
        """Cancel a job that waits or runs, or delete a job that has ended."""
        self._client.run(flows.exchange(requests.delete_job(job_id), self._client.retries))

    def list(self, state: str | None = None, *, limit: int = 20, offset: int = 0) -> JobPage:
        """Return a page of the jobs of this key, the newest first.

        Args:
            state: the state of the jobs to list; all states if None.
            limit: the number of jobs of the page, up to 100.
            offset: the number of jobs before the page; `next_offset` of the page before.
        """
        return self._client.run(
            flows.exchange(requests.list_jobs(state, limit, offset), self._client.retries)
        )
