"""Helpers for tests of live calls: they press the buttons of the page, and find its results."""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.page.microphone import TRACKS, Message


def record(page: Page) -> None:
    """Start a recording, and wait until audio was sent."""
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#drop-title")).to_have_text(re.compile("Listening|Speech"))
    expect(page.locator("#recording-time")).to_have_text(re.compile("0:0[1-9]"))


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()


def segments(page: Page) -> Locator:
    return page.get_by_role("group", name=re.compile("^Channel 0, ")).get_by_role("button")


def expect_released(page: Page) -> None:
    """Check that the microphone was opened, and is closed now."""
    tracks = page.evaluate(TRACKS)
    assert tracks
    assert set(tracks) == {"ended"}


def downloaded(page: Page) -> Message:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    answer: Message = json.loads(Path(download.value.path()).read_text())
    return answer
