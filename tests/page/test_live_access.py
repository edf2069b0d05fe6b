"""A live call needs a model, a key, the address of the endpoint, and a microphone."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from testing.service import Service
from tests.page.live_call import record
from tests.page.microphone import FakeEndpoint, problem


@pytest.fixture
def page(page_with_microphone: Page) -> Page:
    return page_with_microphone


def test_the_chosen_model_analyzes_the_call(page: Page, endpoint: FakeEndpoint) -> None:
    served = {"default": "two", "models": [{"name": "one"}, {"name": "two"}]}
    page.route("**/v1/models", lambda route: route.fulfill(json=served))
    page.reload()
    page.get_by_label("Model").select_option("one")
    record(page)
    assert endpoint.messages[0]["model"] == "one"
    expect(page.get_by_label("Model")).to_be_disabled()


def test_the_key_is_a_subprotocol(page: Page) -> None:
    fake = FakeEndpoint(page)
    fake.refuse(problem(401, "No key"), code=4401)
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_label("API key")).to_be_focused()
    assert fake.connections[0].protocols == []
    fake.on_start = fake.make_ready
    page.keyboard.type("a key?>~")
    page.keyboard.press("Enter")
    expect(page.locator("#drop-title")).to_have_text("Listening")
    assert fake.connections[1].protocols == ["ser.live", "ser.key.YSBrZXk_Pn4"]


def test_the_endpoint_is_beside_the_page(page: Page, service: Service) -> None:
    prefix = f"{service.url}/speech/"
    page.route(
        re.compile(r"/speech/(page/.*\.js)?$"),
        lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace("/speech/", "/"))),
    )
    page.goto(prefix)
    url = page.evaluate("import('/speech/page/api.js').then(({ openLiveSocket }) => openLiveSocket().url)")
    assert url == f"{prefix.replace('http', 'ws')}v1/audio/live"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("NotAllowedError", "Allow it in the settings of the site"),
        ("NotFoundError", "Connect a microphone"),
        ("NotReadableError", "Another program may be using it"),
        ("AbortError", "Choose a file instead"),
    ],
)
def test_a_microphone_that_cannot_be_opened_is_explained(page: Page, name: str, advice: str) -> None:
    page.evaluate(
        """(name) => {
            navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); };
        }""",
        name,
    )
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("region", name="The microphone cannot be used")).to_contain_text(advice)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    expect(page.locator("#drop-title")).to_have_text("Drop a recording here")


def test_a_page_without_https_explains_why_it_cannot_record(
    context: BrowserContext, service: Service
) -> None:
    page = context.new_page()
    page.goto(f"http://speech.test:{service.port}")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("region", name="The microphone cannot be used")).to_contain_text("HTTPS")
