"""A live call that is interrupted, or ended by something else than its button."""

import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from testing.recordings import EXAMPLE
from tests.page.live_call import downloaded, expect_released, record, segments, stop
from tests.page.microphone import FakeEndpoint, problem, spoken


@pytest.fixture
def page(page_with_microphone: Page) -> Page:
    return page_with_microphone


def test_an_error_is_shown_and_the_user_can_try_again(page: Page) -> None:
    fake = FakeEndpoint(page)
    fake.refuse(problem(503, "All sessions are taken"), code=4503)
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("region", name="All sessions are taken")).to_contain_text("The detail.")
    expect(page.locator("#drop-title")).to_have_text("Drop a recording here")
    expect_released(page)
    fake.on_start = fake.make_ready
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#drop-title")).to_have_text("Listening")
    assert len(fake.connections) == 2


def test_a_call_continues_after_the_loss_of_the_connection(page: Page) -> None:
    connections: list[tuple[WebSocketRoute, WebSocketRoute]] = []
    page.route_web_socket(
        "**/v1/audio/live",
        lambda connection: connections.append((connection, connection.connect_to_server())),
    )
    record(page)
    expect(segments(page).first).to_be_visible()
    for end in connections[0]:
        end.close(code=3000)
    expect(segments(page).nth(2)).to_be_visible(timeout=30_000)
    stop(page)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    live = downloaded(page)
    assert len(connections) == 2
    with page.expect_response("**/v1/audio/timeline*") as answer:
        page.get_by_role("radio", name="Call").check(force=True)
    assert answer.value.json() == live


def test_a_pause_and_a_stop_are_repeated_after_the_loss_of_the_connection(
    page: Page, endpoint: FakeEndpoint
) -> None:
    record(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#drop-title")).to_have_text("Paused")
    endpoint.send(spoken("segment", 0.1, 0.4, "anger"))
    expect(segments(page)).to_have_count(1)
    n_bytes, endpoint.n_bytes = endpoint.n_bytes, 0
    endpoint.connections[0].close(code=1011)
    repeated = [{"type": "reconnect", "session": "1", "after": 1}, {"type": "pause"}]
    for _ in range(100):
        if endpoint.messages[-2:] == repeated:
            break
        page.wait_for_timeout(100)
    assert endpoint.messages[-2:] == repeated
    assert endpoint.n_bytes == n_bytes
    stop(page)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()


@pytest.mark.parametrize("is_known", [True, False])
def test_a_recording_survives_the_loss_of_the_session(
    page: Page, endpoint: FakeEndpoint, *, is_known: bool
) -> None:
    endpoint.reconnect_seconds = 0.0
    record(page)
    endpoint.refuse(*([] if is_known else [problem(404, "There is no such live session")]), code=1011)
    endpoint.connections[0].close(code=1011)
    expect(page.get_by_role("region", name="The connection to the service was lost")).to_be_visible()
    expect_released(page)
    expect(page.locator("#drop-title")).to_have_text("recording.wav")
    with page.expect_response("**/v1/audio/timeline*") as answer:
        page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    assert answer.value.json()["duration"] >= 1


def test_an_unreachable_service_is_explained(page: Page) -> None:
    page.route_web_socket("**/v1/audio/live", lambda connection: connection.close(code=1011))
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("heading", name="The service cannot be reached")).to_be_visible()
    expect_released(page)


def test_the_result_is_shown_if_the_service_stops(page: Page, endpoint: FakeEndpoint) -> None:
    record(page)
    endpoint.end("going-away")
    expect(page.get_by_role("region", name="The service stops")).to_be_visible()
    expect(segments(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect_released(page)


def test_the_result_is_shown_if_the_microphone_is_disconnected(page: Page, endpoint: FakeEndpoint) -> None:
    record(page)
    page.evaluate("streams[0].getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("region", name="The microphone was disconnected")).to_be_visible()
    expect(segments(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    assert endpoint.messages[-1] == {"type": "stop"}


def test_a_recording_stops_before_it_is_too_long(page: Page, endpoint: FakeEndpoint) -> None:
    endpoint.max_seconds = 1.0
    page.get_by_role("button", name="Record", exact=True).click()
    reached = page.get_by_role("region", name="The recording has reached its maximum duration")
    expect(reached).to_contain_text(re.compile(r"up to 1.0\ss"))
    expect(segments(page)).to_have_count(3)
    assert endpoint.messages[-1] == {"type": "stop"}
    assert endpoint.n_bytes <= 2 * 48_000


def test_leaving_the_page_closes_the_microphone(page: Page, endpoint: FakeEndpoint) -> None:
    closed: list[int | None] = []
    record(page)
    endpoint.connections[0].on_close(lambda code, _reason: closed.append(code))
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    expect_released(page)
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    expect(page.locator("#drop-title")).to_have_text("Drop a recording here")
    expect(page.locator("#call")).to_be_hidden()
    assert closed


def test_a_file_takes_the_place_of_a_recording(page: Page, endpoint: FakeEndpoint) -> None:
    record(page)
    page.set_input_files("#file", EXAMPLE)
    expect(page.locator("#utterance-title")).to_be_visible()
    expect(page.locator("#drop-title")).to_have_text("utterance.wav")
    expect(page.locator("#call")).to_be_hidden()
    expect_released(page)
    assert endpoint.messages[-1]["type"] == "start"
