"""A call that is shown while it is spoken into the microphone."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, WebSocket, WebSocketRoute, expect

from testing.recordings import EXAMPLE
from testing.service import Service
from tests.page.calls import alert
from tests.page.microphone import KEEP_STREAMS, TRACKS, FakeEndpoint, Message, problem, spoken, summary

AUDIO_GOES_ON = """() => new Promise((resolve) => {
    const source = new ConstantSourceNode(new AudioContext());
    source.onended = resolve;
    source.start();
    source.stop(0.3);
})"""


@pytest.fixture
def page(context: BrowserContext, service: Service) -> Page:
    """The page, which may use the microphone."""
    context.grant_permissions(["microphone"])
    page = context.new_page()
    page.add_init_script(KEEP_STREAMS)
    page.goto(service.url)
    return page


@pytest.fixture
def endpoint(page: Page) -> FakeEndpoint:
    return FakeEndpoint(page)


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


def result(page: Page) -> list[str]:
    """Return the parts of a result that do not depend on the pointer."""
    return [page.locator(f"#{part}").inner_html() for part in ("legend", "track", "channels", "call-model")]


def downloaded(page: Page) -> Message:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    answer: Message = json.loads(Path(download.value.path()).read_text())
    return answer


def test_a_call_is_shown_while_it_is_spoken(page: Page, violations: list[str]) -> None:
    record(page)
    expect(segments(page).nth(1)).to_be_visible()
    expect(segments(page).first).to_have_accessible_name(
        re.compile(r"^Channel 0, 0:0\d\.\d to .*, \w+ \d+\s%$")
    )
    expect(page.get_by_role("button", name="Download JSON")).to_be_hidden()
    stop(page)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^Timeline of .*: 1 channel, \d+ segments"))
    expect_released(page)
    live = downloaded(page)
    assert live["model"] == "multilingual"
    assert len(live["channels"][0]["segments"]) >= 2
    expect(segments(page)).to_have_count(len(live["channels"][0]["segments"]))
    expect(page.locator("#channels")).to_contain_text(re.compile("leads, at"))

    # The page keeps the recording. The answer for this file is the same, and looks the same.
    shown = result(page)
    with page.expect_response("**/v1/audio/timeline*") as answer:
        page.get_by_role("radio", name="Call").check(force=True)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    assert answer.value.json() == live == downloaded(page)
    assert result(page) == shown
    segments(page).first.click()
    expect(segments(page).first).to_have_attribute("aria-pressed", "true")
    assert violations == []


def test_a_pause_sends_nothing(page: Page) -> None:
    frames: list[str | bytes] = []

    def keep(frame: str | bytes) -> None:
        frames.append(frame)

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", keep)

    page.on("websocket", watch)
    record(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#drop-title")).to_have_text("Paused")
    expect(page.get_by_role("status")).to_have_text("Paused.")
    page.evaluate(AUDIO_GOES_ON)
    elapsed = page.locator("#recording-time").inner_text()
    page.evaluate(AUDIO_GOES_ON)
    expect(page.locator("#recording-time")).to_have_text(elapsed)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#recording-time")).not_to_have_text(elapsed)
    stop(page)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()

    texts = [json.loads(frame) for frame in frames if isinstance(frame, str)]
    start, *others = texts
    assert start.items() >= {"type": "start", "encoding": "linear16", "channels": 1}.items()
    assert others == [{"type": "pause"}, {"type": "resume"}, {"type": "stop"}]
    pause, resume = (
        frames.index(json.dumps({"type": kind}, separators=(",", ":"))) for kind in ("pause", "resume")
    )
    assert resume == pause + 1
    audio = [frame for frame in frames if isinstance(frame, bytes)]
    sizes = [len(frame) for frame in audio]
    assert max(sizes) == 2 * round(start["sampling_rate"] / 10)
    assert sum(size < max(sizes) for size in sizes) <= 2  # the last ones before the pause and before the end
    assert downloaded(page)["duration"] == pytest.approx(sum(sizes) / 2 / start["sampling_rate"], abs=0.001)


def test_events_are_drawn_as_they_arrive(page: Page, endpoint: FakeEndpoint) -> None:
    record(page)
    status = page.get_by_role("status")
    expect(status).to_have_text("Listening.")
    endpoint.send({"type": "speech_started", "channel": 0, "time": 0.1})
    expect(page.locator("#drop-title")).to_have_text("Speech")
    expect(status).to_have_text("Speech.")
    endpoint.send(spoken("interim", 0.1, 0.6, "anger"))
    expect(page.locator(".interim")).to_have_attribute("data-tone", "anger")
    expect(page.locator("#readout-hint")).to_have_text("so far")
    expect(segments(page)).to_have_count(0)
    endpoint.send(spoken("segment", 0.1, 0.8, "sadness"), {"type": "from_the_future"})
    expect(segments(page)).to_have_accessible_name(re.compile(r"0:00\.1 to 0:00\.8, sadness 60\s%"))
    expect(page.locator(".interim")).to_have_count(0)
    expect(page.locator("#readout-emotion")).to_have_text("Sadness")
    expect(page.locator("#drop-title")).to_have_text("Listening")
    turn = {"type": "turning_point", "channel": 0, "time": 0.8, "before": "sadness", "after": "anger"}
    endpoint.send(turn, spoken("segment", 0.9, 1.0, "anger"))
    expect(page.get_by_role("group", name="Channel 0, 2 segments")).to_be_visible()
    expect(page.locator(".flag")).to_have_text("sadness → anger")
    expect(page.get_by_role("button", name="channel 0 turns from sadness to anger")).to_be_visible()
    stop(page)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    assert downloaded(page) == summary()["timeline"]
    expect(segments(page)).to_have_count(3)
    expect(page.get_by_role("heading", name="Turning points")).to_be_hidden()
    expect_released(page)


def test_alerts_appear_while_a_call_is_spoken(page: Page, endpoint: FakeEndpoint) -> None:
    record(page)
    endpoint.send(
        spoken("segment", 0.1, 0.8, "anger"),
        {"type": "alert", "sequence": 2, **alert("angry", "critical", 0.1, 0.8, channel=0)},
    )
    expect(page.get_by_role("list", name="Alerts").get_by_role("button")).to_have_text(
        "Critical 0:01 Channel 0 angry About angry."
    )
    expect(page.get_by_role("status")).to_have_text("Alert, critical: angry.")
    expect(page.locator(".alert-mark")).to_have_count(1)
    endpoint.send({"type": "alert", "sequence": 3, **alert("silence", "info", 0.0, 0.9)})
    expect(page.locator(".alert-mark")).to_have_count(2)
    stop(page)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    expect(page.locator("#alerts")).to_be_hidden()  # the summary has none


def test_a_live_session_separates_the_chosen_number_of_speakers(page: Page, violations: list[str]) -> None:
    started: list[Message] = []

    def keep(frame: str | bytes) -> None:
        if isinstance(frame, str):
            started.append(json.loads(frame))

    page.on("websocket", lambda socket: socket.on("framesent", keep))
    page.get_by_label("Speakers on a channel").select_option("2")
    record(page)
    expect(segments(page).first).to_be_visible()
    stop(page)
    expect(page.get_by_label("Role of Speaker 1")).to_be_visible()
    assert started[0]["speakers"] == 2
    answer = downloaded(page)
    assert {channel["speaker"] for channel in answer["channels"]} <= {0, 1}
    expect(page.locator(".lane")).to_have_count(len(answer["channels"]))
    assert violations == []


def test_a_segment_that_begins_before_the_last_answer_is_still_speech(
    page: Page, endpoint: FakeEndpoint
) -> None:
    record(page)
    endpoint.send(
        {"type": "speech_started", "channel": 0, "time": 0.1},
        {"type": "speech_started", "channel": 0, "time": 0.5},
        spoken("segment", 0.1, 0.4, "anger"),
    )
    expect(segments(page)).to_have_count(1)
    expect(page.locator("#drop-title")).to_have_text("Speech")


def test_the_timeline_grows_at_the_same_scale(page: Page) -> None:
    scales = page.evaluate(
        """async (segment) => {
        const { LiveView } = await import("/page/live-view.js");
        const view = new LiveView({ channels: [0] }, 8000);
        view.show(segment);
        const left = () => document.querySelector(".segment").getBoundingClientRect().left
            - document.getElementById("track").getBoundingClientRect().left;
        const positions = [left()];
        for (let second = 0; second < 70; second += 1) view.hear(new Int16Array(8000));
        positions.push(left());
        return positions;
    }""",
        spoken("segment", 9.0, 12.0, "anger"),
    )
    assert scales[0] > 100
    assert scales[1] == pytest.approx(scales[0], abs=2)
    page.locator("#scroller").scroll_into_view_if_needed()
    expect(page.locator("#track .playhead")).to_be_in_viewport()
    expect(segments(page)).not_to_be_in_viewport()


def test_the_keyboard_is_enough(page: Page, endpoint: FakeEndpoint) -> None:
    button = page.locator("#record")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Stop")
    page.keyboard.press("Tab")
    expect(page.locator("#pause")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#pause")).to_have_text("Resume")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    expect(button).to_be_focused()
    expect(button).to_have_text("Record")
    assert endpoint.messages[-1] == {"type": "stop"}


def test_an_error_is_shown_and_the_user_can_try_again(page: Page) -> None:
    def refuse(connection: WebSocketRoute) -> None:
        fake.send(problem(503, "All sessions are taken"), to=connection)
        connection.close(code=4503)

    fake = FakeEndpoint(page, refuse)
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
    def refuse(connection: WebSocketRoute) -> None:
        if not is_known:
            endpoint.send(problem(404, "There is no such live session"), to=connection)
        connection.close(code=1011)

    endpoint.reconnect_seconds = 0.0
    record(page)
    endpoint.on_start = refuse
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


def test_the_chosen_model_analyzes_the_call(page: Page, endpoint: FakeEndpoint) -> None:
    served = {"default": "two", "models": [{"name": "one"}, {"name": "two"}]}
    page.route("**/v1/models", lambda route: route.fulfill(json=served))
    page.reload()
    page.get_by_label("Model").select_option("one")
    record(page)
    assert endpoint.messages[0]["model"] == "one"
    expect(page.get_by_label("Model")).to_be_disabled()


def test_the_key_is_a_subprotocol(page: Page) -> None:
    def refuse(connection: WebSocketRoute) -> None:
        fake.send(problem(401, "No key"), to=connection)
        connection.close(code=4401)

    fake = FakeEndpoint(page, refuse)
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
