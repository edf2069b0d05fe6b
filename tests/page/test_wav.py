"""The WAV reader of the page, compared with libsndfile."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page

from testing.recordings import encode, tone
from testing.service import Service

READ = """async (data) => {
    const { readWav } = await import("/page/wav.js");
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const sound = readWav(bytes.buffer);
    if (!sound) return null;
    const channels = Array.from({ length: sound.channels }, (_, channel) => channel);
    return {
        rate: sound.samplingRate,
        samples: channels.map((channel) => [...sound.read(channel, 0, sound.frames)]),
        span: [...sound.read(0, 3, 7)],
    };
}"""
CODECS = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]
CASES = [("WAV", codec) for codec in CODECS] + [("WAVEX", "PCM_24"), ("WAVEX", "ULAW"), ("RF64", "PCM_16")]


@pytest.fixture(scope="module")
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """The page. It has no state that a test could change."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(service.url)
        yield page


def test_the_reader_decodes_every_code_of_a_law_and_mu_law(page: Page) -> None:
    for codec in ("ALAW", "ULAW"):
        data = file_of_all_codes(codec)
        expected, _ = soundfile.read(io.BytesIO(data), dtype="float32")
        read = page.evaluate(READ, base64.b64encode(data).decode())
        assert read["samples"] == [expected.tolist()]


def file_of_all_codes(codec: str) -> bytes:
    """Return a file whose samples are all 256 codes, in order."""
    file = bytearray(encode(np.zeros(256, np.float32), 8000, codec))
    start = file.index(b"data") + 8
    file[start : start + 256] = bytes(range(256))
    return bytes(file)


@pytest.mark.parametrize(("container", "codec"), CASES)
def test_the_reader_gives_the_samples_of_libsndfile(page: Page, container: str, codec: str) -> None:
    data = encode(tone(0.05, 8000, channels=2), 8000, codec, container)
    expected, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    read = page.evaluate(READ, base64.b64encode(data).decode())
    assert read["rate"] == rate
    np.testing.assert_allclose(np.array(read["samples"]).T, expected, atol=1e-7)
    assert read["span"] == read["samples"][0][3:7]


@pytest.mark.parametrize("data", [b"", b"RIFF", b"# text, and no sound at all", encode(tone(0.05))[:30]])
def test_invalid_wav_data_gives_none(page: Page, data: bytes) -> None:
    assert page.evaluate(READ, base64.b64encode(data).decode()) is None
