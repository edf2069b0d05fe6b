"""A call that is shown while it is spoken into the microphone."""

import json
import re

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.page.calls import alert
from tests.page.live_call import downloaded, expect_released, record, segments, stop
from tests.page.microphone import FakeEndpoint, Message, spoken, summary

AUDIO_GOES_ON = """() => new Promise((resolve) => {
    const source = new ConstantSourceNode(new AudioContext());
    source.onended = resolve;
    source.start();
    source.stop(0.3);
})"""


@pytest.fixture
def page(page_with_microphone: Page) -> Page:
    return page_with_microphone


def result(page: Page) -> list[str]:
    """Return the parts of a result that do not depend on the pointer."""
    return [page.locator(f"#{part}").inner_html() for part in ("legend", "track", "channels", "call-model")]


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
