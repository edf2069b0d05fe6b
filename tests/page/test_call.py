"""The timeline of a call: navigation by pointer and keyboard, playback and downloads."""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from testing.recordings import EXAMPLE
from tests.page import calls


def segments(page: Page, channel: int) -> Locator:
    return page.get_by_role("group", name=f"Channel {channel}, 3 segments").get_by_role("button")


def test_both_channels_are_drawn(timeline: Page, violations: list[str]) -> None:
    for channel in (0, 1):
        expect(segments(timeline, channel)).to_have_count(3)
    expect(segments(timeline, 1).nth(1)).to_have_accessible_name(
        re.compile(r"^Channel 1, 0:13\.0 to 0:19\.0, anger 60\s%$")
    )
    expect(timeline.get_by_role("status")).to_have_text(
        re.compile(r"^Timeline of 40.0\ss: 2 channels, 6 segments, 1 turning point\.$")
    )
    drawn = """() => [...document.querySelectorAll("#track canvas")].map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value) => value > 0);
    })"""
    timeline.wait_for_function(f"() => ({drawn})().every(Boolean)")
    assert len(timeline.evaluate(drawn)) == 3  # the axis and two waveforms
    assert violations == []


def test_undecided_segments_are_shown(page: Page, call: Path, violations: list[str]) -> None:
    page.route("**/v1/audio/timeline*", lambda route: route.fulfill(json=calls.undecided_answer()))
    page.set_input_files("#file", call)
    unsure = segments(page, 1).nth(1)
    expect(unsure).to_have_accessible_name("Channel 1, 0:13.0 to 0:19.0, undecided")
    expect(unsure).to_have_text("undecided")
    expect(page.locator("#legend")).to_contain_text("Undecided")
    unsure.hover()
    expect(page.locator("#readout-emotion")).to_have_text("Undecided")
    expect(page.locator("#channels .shares").first).to_contain_text(re.compile(r"Undecided\s*33\s%"))
    page.set_viewport_size({"width": 360, "height": 700})
    expect(segments(page, 0).nth(1)).to_have_text("?")
    assert violations == []


def test_narrow_segments_show_a_letter_in_place_of_the_name(timeline: Page) -> None:
    expect(segments(timeline, 1).nth(2)).to_have_text("anger")
    timeline.set_viewport_size({"width": 360, "height": 700})
    expect(segments(timeline, 0).nth(1)).to_have_text("N")
    assert timeline.evaluate("document.documentElement.scrollWidth") == 360


def test_arrow_keys_move_between_segments(timeline: Page) -> None:
    first = segments(timeline, 0)
    first.nth(0).focus()
    expect(timeline.locator("#readout-span")).to_contain_text("Channel 0, 0:01.0–0:04.5 (3.5")
    for key, channel, index in [
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 0),
        ("End", 1, 2),
        ("ArrowUp", 0, 2),
        ("ArrowLeft", 0, 1),
        ("Home", 0, 0),
        ("ArrowLeft", 0, 0),
    ]:
        timeline.keyboard.press(key)
        expect(segments(timeline, channel).nth(index)).to_be_focused()
    timeline.keyboard.press("Tab")  # each channel is one tab stop
    expect(segments(timeline, 1).nth(2)).to_be_focused()


def test_the_readout_shows_the_probabilities_of_a_segment(timeline: Page) -> None:
    segments(timeline, 1).nth(1).hover()
    expect(timeline.locator("#readout-emotion")).to_have_text("Anger")
    bars = timeline.get_by_role("list", name="in the segment").get_by_role("listitem")
    expect(bars).to_have_text([re.compile(rf"^{label.capitalize()}\s") for label in calls.LABELS])
    expect(bars.first).to_contain_text("60")


def test_a_segment_can_be_played_and_stopped(timeline: Page) -> None:
    long = segments(timeline, 1).nth(2)
    long.click()
    expect(long).to_have_attribute("aria-pressed", "true")
    expect(timeline.locator("#track .playhead")).to_be_visible()
    other = segments(timeline, 1).nth(1)
    other.focus()
    timeline.keyboard.press("Enter")
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(long).to_have_attribute("aria-pressed", "false")
    timeline.keyboard.press("Space")
    expect(other).to_have_attribute("aria-pressed", "false")
    expect(timeline.locator("#track .playhead")).to_be_hidden()


def test_a_turning_point_leads_to_its_segment(timeline: Page) -> None:
    expect(timeline.locator(".flag")).to_have_text("neutral → anger")
    timeline.get_by_role("button", name="At 0:13 channel 1 turns from neutral to anger").click()
    expect(segments(timeline, 1).nth(1)).to_be_focused()


def test_the_timeline_can_be_zoomed_and_scrolled(timeline: Page) -> None:
    def width() -> float:
        return float(timeline.evaluate("document.getElementById('track').clientWidth"))

    fit = width()
    expect(timeline.get_by_role("button", name="Zoom out")).to_have_attribute("aria-disabled", "true")
    segments(timeline, 1).nth(2).focus()
    timeline.keyboard.press("+")
    timeline.get_by_role("button", name="Zoom in").click()
    assert width() > 2 * fit
    timeline.keyboard.down("Control")
    timeline.locator("#scroller").hover()
    timeline.mouse.wheel(0, -200)
    timeline.keyboard.up("Control")
    timeline.wait_for_function(f"document.getElementById('track').clientWidth > {3 * fit}")
    segments(timeline, 0).nth(0).focus()
    timeline.keyboard.press("End")
    expect(segments(timeline, 0).nth(2)).to_be_in_viewport()
    timeline.get_by_role("button", name="Fit").click()
    assert width() == fit


def test_each_channel_has_a_summary(timeline: Page) -> None:
    second = timeline.locator("#channels section").nth(1)
    expect(second).to_contain_text(re.compile(r"Anger leads, at 60\s% on average"))
    expect(second).to_contain_text(re.compile(r"22.5\ss of speech in 40.0\ss"))
    expect(second.get_by_role("list", name="Share of the speech")).to_contain_text(re.compile(r"Anger 67\s%"))


def test_a_channel_without_speech_is_reported(page: Page, call: Path) -> None:
    answer = calls.answer()
    answer["channels"][1].update(speech_duration=0, summary=None, segments=[])
    answer["turning_points"] = []
    page.route("**/v1/audio/timeline*", lambda route: route.fulfill(json=answer))
    page.set_input_files("#file", call)
    expect(page.locator("#channels section").nth(1)).to_contain_text("Nobody speaks")
    expect(page.get_by_role("heading", name="Turning points")).to_be_hidden()


def test_the_timeline_can_be_downloaded_as_json_and_csv(timeline: Page) -> None:
    with timeline.expect_download() as download:
        timeline.get_by_role("button", name="Download JSON").click()
    assert download.value.suggested_filename == "call.json"
    assert json.loads(Path(download.value.path()).read_text()) == calls.answer()
    with timeline.expect_download() as download:
        timeline.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "call.csv"
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["channel", "role", "speaker", "start", "end", "emotion", *calls.LABELS]
    expected = [
        {"channel": channel["channel"], **segment, **segment["probabilities"]}
        for channel in calls.answer()["channels"]
        for segment in channel["segments"]
    ]
    for row, segment in zip(rows, expected, strict=True):
        assert row["emotion"] == segment["emotion"]
        for column in ("channel", "start", "end", *calls.LABELS):
            assert float(row[column]) == segment[column]


def test_the_switch_overrides_the_choice_by_duration(timeline: Page) -> None:
    with timeline.expect_request("**/v1/audio/emotions*"):
        timeline.get_by_role("radio", name="Utterance").check(force=True)
    timeline.get_by_role("radio", name="Call").check(force=True)
    timeline.set_input_files("#file", EXAMPLE)
    expect(timeline.get_by_role("heading", name="Timeline")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_both_color_schemes(timeline: Page, scheme: str) -> None:
    timeline.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    contrasts = timeline.evaluate("""() => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
            const hex = style.getPropertyValue(`--${name}`).trim().slice(1);
            const parts = [0, 2, 4].map((place) => parseInt(hex.slice(place, place + 2), 16) / 255);
            const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            const [r, g, b] = parts.map(linear);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const tones = ["anger", "surprise", "happiness", "sadness", "neutral"];
        const others = [0, 1, 2, 3, 4, 5].map((place) => `other-${place}`);
        const pairs = [...tones, ...others].flatMap((tone) => [[tone, "on-tone"], [tone, "panel"]]);
        pairs.push(["ink", "ground"], ["ink", "panel"], ["quiet", "ground"]);
        pairs.push(["quiet", "panel"], ["quiet", "sunken"]);
        pairs.push(["alarm", "panel"], ["warning", "panel"], ["focus", "panel"]);
        return pairs.map(([one, other]) => {
            const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
            return [one, other, (high + 0.05) / (low + 0.05)];
        });
    }""")
    assert [pair for pair in contrasts if pair[2] < 4.5] == []


def test_every_control_has_an_accessible_name(timeline: Page) -> None:
    segments(timeline, 0).nth(0).hover()
    tree = timeline.locator("body").aria_snapshot()
    nameless = re.compile(r"^\s*- (button|link|textbox|combobox|radio|heading|group)(?! \")", re.MULTILINE)
    assert nameless.findall(tree) == []
    assert '- status: "Timeline of' in tree or "- status: Timeline of" in tree
