import numpy as np
import pytest

from testing.recorded_calls import Samples, pause, utterance
from testing.recordings import encode


@pytest.fixture(scope="session")
def channels() -> tuple[Samples, Samples]:
    """The channel of an agent, who speaks twice, and of a customer, who speaks once in between."""
    first, second, reply = utterance("03a01Fa"), utterance("03a01Nc"), utterance("08a01Wa")
    agent = np.concatenate([pause(1), first, pause(4), second, pause(2)])
    customer = np.concatenate([pause(1.5), pause(len(first) / 8_000), reply, pause(1)])
    return agent, np.pad(customer, (0, len(agent) - len(customer)))


@pytest.fixture(scope="session")
def call(channels: tuple[Samples, Samples]) -> bytes:
    """The call of both channels, as a mu-law WAV file at 8 kHz."""
    return encode(np.stack(channels, axis=1), 8_000, "ULAW")
