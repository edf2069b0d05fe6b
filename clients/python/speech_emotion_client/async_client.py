"""The client for programs with asyncio. Its methods are those of `Client`, as coroutines."""

import asyncio
from typing import Any, Self, TypeVar, Unpack

import httpx2

from speech_emotion_client import flows, requests
from speech_emotion_client.answers import Job, JobPage, Models, Timeline, Utterance
from speech_emotion_client.async_live_session import AsyncLiveSession
from speech_emotion_client.configuration import ClientOptions, Configuration, http_errors, response_of
from speech_emotion_client.flows import HttpFlow, Pause, Progress
from speech_emotion_client.options import CallOptions, JobOptions, LiveOptions, UtteranceOptions, WaitOptions
from speech_emotion_client.recordings import AsyncSource
from speech_emotion_client.requests import Request, Response
from speech_emotion_client.retries import Retries

T = TypeVar("T")


class AsyncClient:
    """A client of a speech emotion service, for asyncio. Tasks can share it.

    Example:
        async with AsyncClient("https://emotions.example.com", key="…") as client:
            print((await client.recognize("utterance.wav")).emotion)

    Attributes:
        jobs: the operations on jobs.
    """

    def __init__(self, url: str, key: str | None = None, **options: Unpack[ClientOptions]) -> None:
        """Configure a client with the arguments of `Client`. It connects with the first request."""
        self._configuration = Configuration(url=url, key=key, **options)
        self._http = httpx2.AsyncClient(**self._configuration.http_client())
        self.jobs = AsyncJobs(self)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def recognize(self, recording: AsyncSource, **options: Unpack[UtteranceOptions]) -> Utterance:
        """Recognize the emotion of one utterance, as `Client.recognize` does.

        The recording can also be an asynchronous iterable of pieces.
        """
        return await self.run(flows.exchange(requests.recognize(recording, options), self.retries))

    async def timeline(self, recording: AsyncSource, **options: Unpack[CallOptions]) -> Timeline:
        """Analyze a call, as `Client.timeline` does."""
        return await self.run(flows.exchange(requests.timeline(recording, options), self.retries))

    async def models(self) -> Models:
        """Return the served models."""
        return await self.run(flows.exchange(requests.list_models(), self.retries))

    def live(
        self, *, max_speed: float | None = None, keep_seconds: float = 60.0, **options: Unpack[LiveOptions]
    ) -> AsyncLiveSession:
        """Return a session, as `Client.live` does. Enter it with `async with`."""
        return AsyncLiveSession(self._configuration, options, max_speed, keep_seconds)

    @property
    def retries(self) -> Retries:
        """The policy of retries."""
        return self._configuration.retries

    async def run(self, flow: HttpFlow[T]) -> T:
        """Run a flow of requests and pauses."""
        return await flows.drive_async(flow, self._perform)

    async def _perform(self, step: Request[Any] | Pause) -> Response | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        content = None if step.recording is None else step.recording.pieces_async()
        with http_errors(self._configuration.url):
            arguments = self._configuration.http_request(step)
            return response_of(await self._http.request(content=content, **arguments))


class AsyncJobs:
    """The operations on jobs, as in `Jobs`."""

    def __init__(self, client: AsyncClient) -> None:
        """Use the connections of a client."""
        self._client = client

    async def create(self, recording: AsyncSource, **options: Unpack[JobOptions]) -> Job:
        """Create a job, as `Jobs.create` does."""
        request = requests.create_job(recording, options)
        return await self._client.run(flows.exchange(request, self._client.retries))

    async def get(self, job_id: str) -> Job:
        """Return the state of a job, and its result after success."""
        return await self._client.run(flows.exchange(requests.get_job(job_id), self._client.retries))

    async def wait(
        self, job_id: str, on_progress: Progress | None = None, **options: Unpack[WaitOptions]
    ) -> Job:
        """Wait until a job ends, and return it, as `Jobs.wait` does."""
        return await self._client.run(
            flows.wait_for_job(job_id, self._client.retries, on_progress, **options)
        )

    async def result(
        self, job_id: str, on_progress: Progress | None = None, **options: Unpack[WaitOptions]
    ) -> Timeline:
        """Wait until a job ends, and return its timeline, as `Jobs.result` does."""
        return (await self.wait(job_id, on_progress, **options)).timeline()

    async def delete(self, job_id: str) -> None:
        """Cancel a job that waits or runs, or delete a job that has ended."""
        await self._client.run(flows.exchange(requests.delete_job(job_id), self._client.retries))

    async def list(self, state: str | None = None, *, limit: int = 20, offset: int = 0) -> JobPage:
        """Return a page of the jobs of this key, as `Jobs.list` does."""
        request = requests.list_jobs(state, limit, offset)
        return await self._client.run(flows.exchange(request, self._client.retries))
