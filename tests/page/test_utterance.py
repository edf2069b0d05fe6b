"""A recording that the user drops, chooses or records, and the messages after errors."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Page, expect

from testing.recordings import EXAMPLE, ROOT
from testing.service import Service, running
from tests.page.conftest import KEY

KEEP_BODY = """() => {
    const send = window.fetch;
    window.fetch = async (address, options) => {
        window.sent = [...new Uint8Array(await options.body.arrayBuffer())];
        return send(address, options);
    };
}"""
DROP = """async ([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    for (const kind of ["dragenter", "dragover", "drop"]) {
        const options = {bubbles: true, cancelable: true, dataTransfer: transfer};
        document.body.dispatchEvent(new DragEvent(kind, options));
    }
}"""


def shown_probabilities(page: Page) -> dict[str, int]:
    """Return the probabilities on the page, in percent."""
    bars = page.get_by_role("list", name="Probability of each emotion").get_by_role("listitem")
    bars.first.wait_for()
    return {
        name.lower(): int(number)
        for name, number in (re.findall(r"(\w+)\s*<?(\d+)\s%", text)[0] for text in bars.all_inner_texts())
    }


def check_answer(page: Page) -> None:
    assert set(shown_probabilities(page)) == {"anger", "surprise", "happiness", "sadness", "neutral"}
    assert sum(shown_probabilities(page).values()) == pytest.approx(100, abs=3)
    most_probable = max(shown_probabilities(page), key=lambda label: shown_probabilities(page)[label])
    expect(page.locator("#utterance-title")).to_contain_text(most_probable.capitalize())
    expect(page.get_by_role("status")).to_contain_text(f"Most probable: {most_probable}")


def test_a_file_can_be_chosen(page: Page, violations: list[str]) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose a file").click()
    chooser.value.set_files(EXAMPLE)
    check_answer(page)
    expect(page.locator("#drop-facts")).to_have_text(re.compile("3.2.s · 1 channel · 16.kHz · PCM 16 bit"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    assert download.value.suggested_filename == "utterance.json"
    assert json.loads(Path(download.value.path()).read_text())["model"] == "multilingual"
    assert violations == []


def test_a_file_can_be_dropped(page: Page, violations: list[str]) -> None:
    page.evaluate(DROP, ["utterance.wav", base64.b64encode(EXAMPLE.read_bytes()).decode()])
    check_answer(page)
    assert violations == []


def test_the_recording_can_be_played_and_stopped(page: Page) -> None:
    page.set_input_files("#file", EXAMPLE)
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#utterance-play")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#utterance-play")).to_have_attribute("aria-pressed", "false")


def test_silence_has_no_probabilities(page: Page) -> None:
    silence = {"model": "m", "duration": 3.2, "speech": False, "emotion": None, "probabilities": None}
    page.route("**/v1/audio/emotions*", lambda route: route.fulfill(json=silence))
    page.set_input_files("#file", EXAMPLE)
    expect(page.get_by_role("heading", name="Nobody speaks")).to_be_visible()
    expect(page.locator("#utterance-bars")).to_be_hidden()


def test_labels_of_the_answer_are_shown_as_text_and_not_as_markup(page: Page, violations: list[str]) -> None:
    probabilities = {"<img src=x>": 0.7, "boredom": 0.3}
    answer = {"model": "m", "duration": 3.2, "speech": True, "emotion": "<img src=x>"}
    page.route(
        "**/v1/audio/emotions*", lambda route: route.fulfill(json={**answer, "probabilities": probabilities})
    )
    page.set_input_files("#file", EXAMPLE)
    expect(page.locator("#utterance-title")).to_contain_text("<img src=x>")
    expect(page.locator("#utterance-bars li").nth(1)).to_have_attribute("data-tone", "other-1")
    assert page.locator("#utterance img").count() == 0
    assert violations == []


def test_an_utterance_can_be_recorded(page: Page, violations: list[str]) -> None:
    page.get_by_role("radio", name="Utterance").check(force=True)
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#recording-time")).to_have_text(re.compile("0:0[1-9]"))
    page.evaluate(KEEP_BODY)
    page.get_by_role("button", name="Stop and analyze").click()
    expect(page.locator("#utterance")).to_be_visible()
    body = bytes(page.evaluate("sent"))
    samples, rate = soundfile.read(io.BytesIO(body))
    assert soundfile.info(io.BytesIO(body)).subtype == "PCM_16"
    assert rate in {44_100, 48_000}
    assert np.abs(samples).max() > 0.01
    assert violations == []


def test_a_refused_microphone_is_explained(chromium: Callable[..., Browser], service: Service) -> None:
    browser = chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
    page = browser.new_page()
    page.goto(service.url)
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("heading", name="The microphone cannot be used")).to_be_visible()
    expect(page.locator("#problem-detail")).to_contain_text("Allow it in the settings of the site")
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    browser.close()


def test_an_error_is_shown_on_the_page(page: Page) -> None:
    page.set_input_files("#file", ROOT / "README.md")
    problem = page.get_by_role("region", name="Not a format that is accepted")
    expect(problem).to_contain_text("This is not a recording of an accepted format.")
    expect(problem.locator("code")).to_have_text(re.compile("^[0-9a-f]{32}$"))
    expect(page.get_by_role("status")).to_contain_text("Not a format that is accepted")
    link = problem.get_by_role("link", name="What to do about it")
    expect(link).to_have_attribute("href", "problems/unsupported-media-type")


def test_the_user_can_retry_after_the_service_was_unreachable(page: Page) -> None:
    page.route("**/v1/audio/emotions*", lambda route: route.abort())
    page.set_input_files("#file", EXAMPLE)
    expect(page.get_by_role("heading", name="The service cannot be reached")).to_be_visible()
    page.unroute("**/v1/audio/emotions*")
    page.get_by_role("button", name="Try again").click()
    check_answer(page)


def test_the_user_can_choose_a_model(page: Page) -> None:
    served = {"default": "two", "models": [{"name": "one"}, {"name": "two"}]}
    page.route("**/v1/models", lambda route: route.fulfill(json=served))
    page.reload()
    expect(page.get_by_label("Model")).to_have_value("two")
    page.get_by_label("Model").select_option("one")
    with page.expect_request("**/v1/audio/emotions?model=one"):
        page.set_input_files("#file", EXAMPLE)


@pytest.fixture
def protected_service(models_dir: Path) -> Iterator[Service]:
    """A service with small bundles that requires an API key."""
    sha256 = hashlib.sha256(KEY.encode()).hexdigest()
    with running(
        SER_MODELS_DIR=str(models_dir),
        SER_DEFAULT_MODEL="small",
        SER_WORKERS="1",
        SER_API_KEYS=f"desk:{sha256}",
    ) as service:
        yield service


def test_an_api_key_is_requested_and_stored_for_the_tab_only(
    protected_service: Service, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(protected_service.url)
    key = page.get_by_label("API key")
    expect(key).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("This service asks for a key.")
    page.set_input_files("#file", EXAMPLE)
    expect(key).to_be_focused()
    key.fill("wrong")
    key.press("Enter")
    expect(page.get_by_text("That key is not known. Check it")).to_be_visible()
    key.fill(KEY)
    key.press("Enter")
    check_answer(page)
    expect(key).to_be_hidden()
    assert page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [1, 0, ""]
    page.reload()
    expect(page.get_by_label("Model")).to_be_visible()
