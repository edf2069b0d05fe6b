"""A live session for programs without asyncio. One thread sends audio, another one reads the events."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from speech_emotion_client.configuration import Configuration, socket_errors
from speech_emotion_client.events import Event, Ready
from speech_emotion_client.flows import Pause, drive, persist
from speech_emotion_client.live_call import Dial, LiveCall


class LiveSession:
    """A session. `Client.live` creates it.

    The iteration over the session yields its events, and opens another connection after a loss. So read the
    events while another thread sends audio, for example that of `feed`.
    """

    def __init__(
        self,
        configuration: Configuration,
        start: Mapping[str, Any],
        max_speed: float | None,
        keep_seconds: float,
    ) -> None:
        """Describe a session. `__enter__` opens it."""
        self._configuration = configuration
        self._call = LiveCall(configuration.url, start, max_speed, keep_seconds)
        self._socket: ClientConnection | None = None
        self._connection = ExitStack()
        self._lock = threading.Lock()
        """Held while a message is sent, so that none is sent between the state of a new connection."""
        self._over = threading.Event()
        self._feeder: threading.Thread | None = None
        self._failure: BaseException | None = None

    @property
    def ready(self) -> Ready:
        """The answer to the start of the session: its ID, its model and its limits."""
        assert self._call.ready is not None, "Enter the session first: `with client.live(…) as session`."
        return self._call.ready

    def __enter__(self) -> Self:
        """Open the session.

        Raises:
            ProblemError: the service refused the session.
            ConnectionFailed: the service cannot be reached.
        """
        with ExitStack() as stack:
            stack.callback(self._close)
            self._open()
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection. A stream without `stop` ends here."""
        self._close()
        if self._feeder is not None:
            self._feeder.join(timeout=1)  # not longer: the source of the audio may wait for ever

    def __iter__(self) -> Iterator[Event]:
        """Yield each event once, until the session has ended.

        Raises:
            ProblemError: the session failed.
            ConnectionFailed: the connection is lost, and there is no other one.
            AudioLost: the reconnection needs audio that is not kept any more.
        """
        while not self._call.is_over:
            assert self._socket is not None
            try:
                event = self._call.received(self._socket.recv())
            except ConnectionClosed as error:
                self._call.lost(None if error.rcvd is None else error.rcvd.code)
                if self._failure is None and not self._call.is_over:
                    self._open()
            else:
                yield event
        if self._failure is not None:
            raise self._failure

    def send(self, audio: bytes) -> None:
        """Send audio: interleaved samples, in pieces of any size. Wait while the audio is too fast."""
        for delay, piece in self._call.pieces(audio):
            self._over.wait(delay)
            with self._lock:
                self._call.keep(piece)
                self._write(piece)

    def pause(self) -> None:
        """Stop the time of the stream. Audio is ignored until `resume`."""
        self._control("pause")

    def resume(self) -> None:
        """Continue after `pause`."""
        self._control("resume")

    def stop(self) -> None:
        """Say that the stream is complete. The summary and the end of the session follow."""
        self._control("stop")

    def feed(self, audio: Iterable[bytes]) -> None:
        """Send audio, and `stop` at its end, in a thread of its own. Its errors end the iteration."""
        self._feeder = threading.Thread(target=self._feed, args=(audio,), daemon=True)
        self._feeder.start()

    def _feed(self, audio: Iterable[bytes]) -> None:
        with ExitStack() as stack:
            stack.push(self._fed)
            for piece in audio:
                if self._call.is_over:
                    return
                self.send(piece)
            self.stop()

    def _fed(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        """Pass an error of the feeder, which may be of any kind, to the thread that iterates."""
        if error is not None:
            self._failure = error
            self._close()
        return True

    def _close(self) -> None:
        self._call.is_over = True
        self._over.set()
        self._connection.close()

    def _control(self, kind: str) -> None:
        with self._lock:
            self._write(self._call.control(kind))

    def _write(self, frame: bytes | str) -> None:
        """Send a message. After a loss, the iteration opens another connection, which gets the message."""
        assert self._socket is not None
        with suppress(ConnectionClosed):
            self._socket.send(frame)

    def _open(self) -> None:
        with self._lock:
            for frame in drive(
                persist(self._call.dial, self._call.opened, self._configuration.retries), self._perform
            ):
                self._write(frame)

    def _perform(self, step: Dial | Pause) -> str | None:
        if isinstance(step, Pause):
            self._over.wait(step.seconds)
            return None
        with socket_errors(self._configuration.url), ExitStack() as stack:
            socket = stack.enter_context(connect(step.url, **self._configuration.websocket()))
            with suppress(ConnectionClosed):  # a refusal came already, and is received next
                socket.send(step.message)
            answer = str(socket.recv(self._configuration.timeout))
            self._connection.close()  # of the lost connection
            self._socket, self._connection = socket, stack.pop_all()
        return answer
