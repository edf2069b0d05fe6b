"""Which channel of a recording is analysed: never one that is not permitted."""

from collections.abc import Set as AbstractSet

from app.core.audio import Channel, Signal, select_channel
from app.core.errors import ChannelNotFound


def select_permitted(signal: Signal, channel: Channel, permitted: AbstractSet[int] | None) -> Signal:
    """Take one channel, or the mean of all that are permitted.

    Args:
        signal: shape (n_channels, n_samples).
        channel: an index from 0, which is permitted, or `mix`.
        permitted: indices; None permits all.

    Returns:
        A signal of shape (1, n_samples).

    Raises:
        ChannelNotFound: the signal has no such channel, or none that is permitted.
    """
    if permitted is None or channel != "mix":
        return select_channel(signal, channel)
    there = [index for index in range(signal.n_channels) if index in permitted]
    if not there:
        raise ChannelNotFound(
            f"The recording has {signal.n_channels} channels, counted from 0, and none of those that "
            f"may be analysed here: {', '.join(map(str, sorted(permitted)))}."
        )
    return select_channel(Signal(signal.samples[there], signal.sampling_rate), "mix")
