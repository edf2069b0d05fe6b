"""The channel policy, by which the operator restricts the channels that may be analyzed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.audio import Channel, Signal, select_channel
from app.core.errors import ChannelNotFound, ChannelNotPermitted


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """The channels that may be analyzed.

    Attributes:
        permitted: the indices of the permitted channels, counted from 0; None permits all channels.

    Example:
        >>> ChannelPolicy.of([1]).choose(2, None)
        (1,)
    """

    permitted: frozenset[int] | None = None

    @classmethod
    def of(cls, permitted: Iterable[int] | None) -> "ChannelPolicy":
        """Make a policy that permits the given channels. None permits all channels."""
        return cls(None if permitted is None else frozenset(permitted))

    def check(self, channels: Iterable[int]) -> None:
        """Check that all given channels are permitted.

        Raises:
            ChannelNotPermitted: a channel is not permitted.
        """
        for channel in channels:
            if not self._permits(channel):
                raise ChannelNotPermitted(
                    f"Channel {channel} must not be analyzed here. Permitted: {self._names()}."
                )

    def choose(self, n_channels: int, requested: Sequence[int] | None) -> tuple[int, ...]:
        """Choose the channels of a recording to analyze.

        Args:
            n_channels: the number of channels of the recording.
            requested: the channels that the caller requests; None requests every permitted channel.

        Returns:
            The indices of the channels to analyze, in order.

        Raises:
            ChannelNotPermitted: a requested channel is not permitted.
            ChannelNotFound: the recording lacks a requested channel, or has no permitted channel.
        """
        if requested is not None:
            self.check(requested)
            missing = [channel for channel in requested if channel not in range(n_channels)]
            if missing:
                raise ChannelNotFound(
                    f"The recording has no channel {missing[0]}: it has {n_channels}, counted from 0. "
                    "Choose one of them."
                )
            return tuple(sorted(set(requested)))
        chosen = tuple(filter(self._permits, range(n_channels)))
        if not chosen:
            raise ChannelNotFound(
                f"The recording has {n_channels} channels, counted from 0, and none of the permitted "
                f"ones: {self._names()}."
            )
        return chosen

    def select(self, signal: Signal, channel: Channel) -> Signal:
        """Select one channel of a signal, or the mean of all permitted channels.

        Args:
            signal: the signal, shape (n_channels, n_samples).
            channel: the index of the channel, counted from 0, or `mix`.

        Returns:
            A signal of shape (1, n_samples).

        Raises:
            ChannelNotPermitted: the channel is not permitted.
            ChannelNotFound: the signal lacks the channel, or has no permitted channel.
        """
        chosen = self.choose(signal.n_channels, None if channel == "mix" else [channel])
        return select_channel(Signal(signal.samples[list(chosen)], signal.sampling_rate), "mix")

    def _permits(self, channel: int) -> bool:
        return self.permitted is None or channel in self.permitted

    def _names(self) -> str:
        return ", ".join(map(str, sorted(self.permitted or ())))
