"""The tracks of a stream, which arrive apart, as interleaved channels of the same length."""

import numpy as np

from app.core.containers.headerless import Encoding
from app.live.connection import InvalidMessage
from app.live.encoding import SILENCE

JITTER = 0.1
"""The difference between timestamp and samples, in seconds, that is no gap if no message is missing: some
platforms send the time of the day at which they received the audio. Not tuned."""
MAX_LAG = 0.5
"""The seconds of audio that wait for another track; then silence takes the place of that track. Not tuned."""
MAX_GAP = 30.0
"""The longest silence, in seconds, that takes the place of missing audio: a bound for hostile timestamps."""


class Tracks:
    r"""Tracks that are aligned by their timestamps. They begin with the first message of any track.

    Attributes:
        n_dropped: the number of messages that arrived after silence had taken their place, or a part of it.

    Example:
        >>> tracks = Tracks("mulaw", sampling_rate=8_000, n_tracks=2)
        >>> tracks.add(0, 0, b"ab")
        False
        >>> tracks.add(1, 0, b"x")
        False
        >>> tracks.take(), tracks.finish()
        (b'ax', b'b\xff')
    """

    def __init__(self, encoding: Encoding, sampling_rate: int, n_tracks: int) -> None:
        """Start before the first message.

        Args:
            encoding: the encoding of the samples.
            sampling_rate: the sampling rate, in Hz.
            n_tracks: the number of tracks.
        """
        self.n_dropped = 0
        self._silence = SILENCE[encoding]
        self._size = len(self._silence)
        self._sampling_rate = sampling_rate
        self._origin: int | None = None
        self._waiting = [bytearray() for _ in range(n_tracks)]
        self._n_taken = 0
        self._n_filled = [0] * n_tracks
        """The samples of silence in the place of a track that lags. Its audio can arrive yet."""
        self._began = [False] * n_tracks
        self._lost = [False] * n_tracks

    def lose(self) -> None:
        """Report that messages are missing, of whichever track."""
        self._lost = [True] * len(self._lost)

    def add(self, track: int, timestamp: int, data: bytes) -> bool:
        """Add the next message of a track.

        Args:
            track: the index of the track.
            timestamp: the time of the first sample, in milliseconds from any origin.
            data: complete samples.

        Returns:
            Whether silence is in the place of missing messages.

        Raises:
            InvalidMessage: the timestamp is too far from that of the message before.
        """
        if self._origin is None:
            self._origin = timestamp
        gap = (timestamp - self._origin) * self._sampling_rate // 1000 - self._end(track)
        if gap > MAX_GAP * self._sampling_rate:
            raise InvalidMessage(
                f"media.timestamp: a message begins more than {MAX_GAP:g} s after the end of the one before."
            )
        is_lost, is_next = self._lost[track], self._began[track] and not self._lost[track]
        self._began[track], self._lost[track] = True, False
        if gap > (JITTER * self._sampling_rate if is_next else 0):
            self._waiting[track] += self._silence * gap
            self._waiting[track] += data
            return is_lost
        n_late = min(max(-gap, 0), self._n_filled[track])
        self.n_dropped += n_late > 0
        if n_late < len(data) // self._size:
            self._n_filled[track] = 0
        self._waiting[track] += data[n_late * self._size :]
        return False

    def take(self) -> bytes:
        """Return the next samples of all tracks, interleaved, as far as all tracks are known."""
        ends = [self._end(track) for track in range(len(self._waiting))]
        least = max(ends) - int(MAX_LAG * self._sampling_rate)
        for track, end in enumerate(ends):
            if end < least:
                self._fill(track, least - end)
                self._n_filled[track] += least - end
        return self._interleave(max(min(ends), least))

    def finish(self) -> bytes:
        """Return the rest of all tracks, interleaved. The shorter ones end with silence."""
        end = max(self._end(track) for track in range(len(self._waiting)))
        for track in range(len(self._waiting)):
            self._fill(track, end - self._end(track))
        return self._interleave(end)

    def _end(self, track: int) -> int:
        """Return the number of samples of a track so far."""
        return self._n_taken + len(self._waiting[track]) // self._size

    def _fill(self, track: int, n_samples: int) -> None:
        """Append silence to a track."""
        self._waiting[track] += self._silence * n_samples

    def _interleave(self, end: int) -> bytes:
        """Remove the samples before a position from all tracks, and interleave them."""
        n_bytes = (end - self._n_taken) * self._size
        self._n_taken = end
        kind = np.dtype(f"V{self._size}")
        parts = [np.frombuffer(bytes(waiting[:n_bytes]), kind) for waiting in self._waiting]
        for waiting in self._waiting:
            del waiting[:n_bytes]
        return np.stack(parts, axis=1).tobytes()
