"""A browser, the service, and the page with a list of its violations."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from testing.programs import program
from testing.service import Service, running
from tests.page import calls, microphone

KEY = "k" * 43


@pytest.fixture(scope="package")
def chromium() -> Iterator[Callable[..., Browser]]:
    """A function that starts Chromium with these switches."""
    with sync_playwright() as playwright:

        def launch(*switches: str) -> Browser:
            return playwright.chromium.launch(
                # The shell needs two thirds of the processor time of the whole browser.
                executable_path=program("chromium-headless-shell"),
                # The page uses no WebGL, which the processor would have to draw.
                args=["--no-sandbox", "--disable-software-rasterizer", *switches],
            )

        yield launch


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory, chromium: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser with a fake microphone that repeats a recording. `speech.test` is this machine."""
    sound = microphone.write(tmp_path_factory.mktemp("microphone") / "sound.wav")
    browser = chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}",
        "--host-resolver-rules=MAP speech.test 127.0.0.1",
    )
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def service() -> Iterator[Service]:
    """The service with the shipped bundle."""
    with running(SER_WORKERS="1") as service:
        yield service


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    expect.set_options(timeout=30_000)
    yield context
    context.close()


@pytest.fixture
def violations(context: BrowserContext, service: Service) -> list[str]:
    """Errors of the page, violations of its content security policy, and its requests to other hosts."""
    found: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((service.url, "blob:")) else found.append(request.url)
            ),
        )

    context.on("page", watch)
    return found


@pytest.fixture
def page(context: BrowserContext, service: Service, violations: list[str]) -> Page:
    """The page after it has loaded."""
    page = context.new_page()
    page.goto(service.url)
    assert violations == []
    return page


@pytest.fixture
def page_with_microphone(context: BrowserContext, service: Service) -> Page:
    """The page, which keeps the streams of its microphone."""
    page = context.new_page()
    page.add_init_script(microphone.KEEP_STREAMS)
    page.goto(service.url)
    return page


@pytest.fixture
def endpoint(page_with_microphone: Page) -> microphone.FakeEndpoint:
    return microphone.FakeEndpoint(page_with_microphone)


@pytest.fixture(scope="package")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a stereo call."""
    file = tmp_path_factory.mktemp("call") / "call.wav"
    file.write_bytes(calls.recording())
    return file


@pytest.fixture
def timeline(page: Page, call: Path) -> Page:
    """The page with the timeline of a call. The module `calls` gives the answer."""
    page.route("**/v1/audio/timeline*", lambda route: route.fulfill(json=calls.answer()))
    page.set_input_files("#file", call)
    page.get_by_role("heading", name="Timeline").wait_for()
    return page
