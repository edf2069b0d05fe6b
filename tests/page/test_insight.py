"""Names of roles, speakers, measures and alerts in the result of a call."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from testing.recordings import EXAMPLE
from tests.page import calls

Show = Callable[[dict[str, Any]], Page]

WIDTH, HEIGHT = 360, 700  # of a narrow page, in CSS pixels


@pytest.fixture
def show(page: Page, call: Path) -> Show:
    """A function that shows an answer, as if the service had given it."""

    def show_answer(answer: dict[str, Any]) -> Page:
        page.route("**/v1/audio/timeline*", lambda route: route.fulfill(json=answer))
        page.set_input_files("#file", call)
        page.get_by_role("heading", name="Timeline").wait_for()
        return page

    return show_answer


def cells(page: Page, table: str) -> list[list[str]]:
    """Return the texts of a table, whose spaces are plain."""
    rows = page.get_by_role("table", name=table).get_by_role("row").all()
    return [[text.replace("\u00a0", " ") for text in row.locator("th, td").all_inner_texts()] for row in rows]


def rename(page: Page, number: str, role: str) -> Locator:
    """Type the role of a row."""
    field = page.get_by_label(f"Role of {number}")
    field.fill(role)
    field.press("Enter")
    return field


def downloaded(page: Page, kind: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {kind}").click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_a_role_is_named_everywhere(show: Show, violations: list[str]) -> None:
    page = show(calls.measured_answer())
    segment = page.get_by_role("group", name="Channel 1, 3 segments").get_by_role("button").nth(1)
    segment.hover()
    rename(page, "Channel 1", " <b>customer</b>, VIP ")
    name = "<b>customer</b>, VIP"
    lane = page.get_by_role("group", name=f"{name}, 3 segments")
    expect(lane.locator(".lane-title")).to_have_text(name)
    expect(lane.get_by_role("button").nth(1)).to_have_accessible_name(re.compile(f"^{name}, 0:13.0 to"))
    expect(page.locator("#readout-span")).to_contain_text(name)
    expect(page.get_by_role("region", name=name)).to_contain_text("Anger leads")
    expect(page.get_by_role("button", name=f"At 0:13 {name} turns from neutral to anger")).to_contain_text(
        name
    )
    expect(page.locator("#alerts-list li")).to_contain_text([name, name, "Call"])
    for table in ("Conversation", "Emotion over time"):
        assert [row[0] for row in cells(page, table)] == ["", "Channel 0", name, "Call"]

    answer = json.loads(downloaded(page, "JSON"))
    assert [channel["role"] for channel in answer["channels"]] == [None, name]
    assert [alert["role"] for alert in answer["alerts"]] == [name, name, None]
    rows = list(csv.DictReader(downloaded(page, "CSV").splitlines()))
    assert [(row["channel"], row["role"], row["speaker"]) for row in rows] == [
        *[("0", "", "")] * 3,
        *[("1", name, "")] * 3,
    ]
    assert violations == []


def test_a_role_that_is_emptied_gives_way_to_the_number(show: Show) -> None:
    answer = calls.measured_answer()
    answer["channels"][1]["role"] = "customer"
    page = show(answer)
    expect(page.get_by_role("group", name="customer, 3 segments")).to_be_visible()
    expect(page.get_by_label("Role of Channel 1")).to_have_value("customer")
    field = rename(page, "Channel 1", "  ")
    expect(field).to_have_value("")
    expect(page.get_by_role("group", name="Channel 1, 3 segments")).to_be_visible()
    assert json.loads(downloaded(page, "JSON"))["channels"][1]["role"] is None
    field.fill("x" * 41)
    expect(field).to_have_value("x" * 40)


def test_names_are_kept_for_one_result(show: Show, call: Path) -> None:
    page = show(calls.measured_answer())
    rename(page, "Channel 0", "agent")
    expect(page.get_by_role("group", name="agent, 3 segments")).to_be_visible()
    page.set_input_files("#file", call)
    expect(page.get_by_role("group", name="Channel 0, 3 segments")).to_be_visible()


def test_speakers_of_a_channel_have_rows_of_their_own(show: Show) -> None:
    page = show(calls.measured_answer(speakers=True))
    expect(page.get_by_role("status")).to_contain_text(": 2 speakers, 6 segments")
    second = page.get_by_role("group", name="Speaker 2, 3 segments").get_by_role("button")
    expect(page.get_by_role("group", name="Speaker 1, 3 segments").get_by_role("button")).to_have_count(3)
    page.get_by_role("button", name="At 0:13 Speaker 2 turns").click()
    expect(second.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#readout-span")).to_contain_text("Speaker 1, 0:09.0")
    rename(page, "Speaker 2", "customer")
    expect(page.locator("#alerts-list li")).to_contain_text(["customer", "customer", "Call"])
    assert {row["speaker"] for row in csv.DictReader(downloaded(page, "CSV").splitlines())} == {"0", "1"}


def test_speakers_of_several_channels_are_named_with_their_channels(show: Show) -> None:
    answer = calls.answer()
    for channel in answer["channels"]:
        channel["speaker"] = 0
    answer["turning_points"][0]["speaker"] = 0
    page = show(answer)
    expect(page.get_by_role("group", name="Channel 1, speaker 1, 3 segments")).to_be_visible()


def test_the_number_of_speakers_is_sent_for_calls_only(page: Page, call: Path) -> None:
    page.route("**/v1/audio/**", lambda route: route.fulfill(json=calls.answer()))
    with page.expect_request("**/v1/audio/timeline*") as request:
        page.set_input_files("#file", call)
    assert "speakers" not in request.value.url
    for choice, sent in [("2", "2"), ("Automatic", "auto")]:
        with page.expect_request("**/v1/audio/timeline*") as request:
            page.get_by_label("Speakers on a channel").select_option(label=choice)
        assert f"speakers={sent}" in request.value.url.split("?")[1].split("&")
    with page.expect_request("**/v1/audio/emotions*") as request:
        page.get_by_role("radio", name="Utterance").check(force=True)
    assert "speakers" not in request.value.url
    expect(page.get_by_label("Speakers on a channel")).to_be_hidden()


def test_the_service_separates_speakers_for_the_page(page: Page, violations: list[str]) -> None:
    page.get_by_role("radio", name="Call").check(force=True)
    page.get_by_label("Speakers on a channel").select_option("2")
    page.set_input_files("#file", EXAMPLE)
    expect(page.get_by_role("button", name="Download JSON")).to_be_visible()
    speakers = [channel["speaker"] for channel in json.loads(downloaded(page, "JSON"))["channels"]]
    assert speakers
    for speaker in speakers:
        expect(page.get_by_label(f"Role of Speaker {speaker + 1}")).to_be_visible()
    expect(page.get_by_role("region", name="Measures")).to_contain_text("Longest silence")
    assert cells(page, "Conversation")[1][0] == "Speaker 1"
    assert violations == []


def test_measures_are_shown_for_each_row_and_for_the_call(show: Show) -> None:
    page = show(calls.measured_answer())
    expect(page.locator("#measures-silence")).to_have_text(
        re.compile(r"^Silence 6.8\ss, 17\s% of the call. Longest silence 2.0\ss.$")
    )
    head, *rows = cells(page, "Conversation")
    assert head[1:] == [
        "Talk time",
        "Talk share",
        "Overlap",
        "Interrupts",
        "Is interrupted",
        "Response latency",
        "Longest monologue",
    ]
    assert rows == [
        ["Channel 0", "10.8 s", "32 %", "0.0 s", "0 ×", "0 ×", "0.75 s", "4.0 s"],
        ["Channel 1", "22.5 s", "68 %", "0.0 s", "0 ×", "0 ×", "0.75 s", "13.0 s"],
        ["Call", "33.3 s", "–", "0.0 s", "0 ×", "–", "0.75 s", "13.0 s"],
    ]
    head, *rows = cells(page, "Emotion over time")
    assert head[1:] == ["At the start", "At the end", "Volatility, 0 to 1", "Recovery from anger"]
    assert rows == [
        ["Channel 0", "Neutral 41 %", "Neutral 41 %", "0.25", "No anger"],
        ["Channel 1", "Anger 52 %", "Anger 52 %", "0.25", "Not neutral again"],
        ["Call", "Anger 36 %", "Anger 42 %", "–", "–"],
    ]


def test_trend_interruptions_and_recoveries_have_their_values(show: Show) -> None:
    answer = calls.measured_answer()
    first, second = (channel["measures"] for channel in answer["channels"])
    first["emotion"]["trend"] = dict.fromkeys(calls.LABELS, 0.01) | {"neutral": -0.047}
    first["recoveries"] = [{"anger": 1.0, "peak": 2.0, "neutral": 32.5, "seconds": 30.5}]
    second["recoveries"] = [
        {"anger": time, "peak": time, "neutral": seconds and time + seconds, "seconds": seconds}
        for time, seconds in [(0.0, 10.0), (100.0, 90.0), (300.0, None)]
    ]
    answer["measures"]["interruptions"] = [{"time": 1.0, "by": 0, "of": 1}, {"time": 3.0, "by": 1, "of": 0}]
    page = show(answer)
    assert [row[4] for row in cells(page, "Conversation")] == ["Interrupts", "0 ×", "0 ×", "2 ×"]
    head, *rows = cells(page, "Emotion over time")
    assert head[3] == "Strongest trend per minute"
    assert [row[3] for row in rows] == ["Neutral −4.7 %", "–", "–"]
    assert [row[5] for row in rows] == ["30.5 s", "50.0 s (2 of 3)", "–"]


def test_measures_without_a_value_in_any_row_are_omitted(show: Show) -> None:
    answer = calls.measured_answer()
    del answer["channels"][1], answer["turning_points"][0]
    for measure in ("talk_share", "overlap", "interruptions", "interrupted", "response_latency"):
        answer["channels"][0]["measures"][measure] = None
    page = show(answer)
    assert cells(page, "Conversation") == [
        ["", "Talk time", "Longest monologue"],
        ["Channel 0", "10.8 s", "4.0 s"],
    ]


def test_results_of_earlier_versions_have_no_measures_and_no_alerts(timeline: Page) -> None:
    expect(timeline.locator("#measures")).to_be_hidden()
    expect(timeline.locator("#alerts")).to_be_hidden()


def test_alerts_are_listed_and_marked(show: Show) -> None:
    page = show(calls.measured_answer())
    expect(page.get_by_role("status")).to_contain_text("1 turning point, 3 alerts.")
    alerts = page.get_by_role("list", name="Alerts").get_by_role("button")
    expect(alerts).to_have_text(
        [
            "Critical 0:19 Channel 1 angry-customer About angry-customer.",
            "Warning 0:30 Channel 1 long-anger About long-anger.",
            "Info 0:40 Call nobody-happy About nobody-happy.",
        ]
    )
    mark = page.locator(".alert-mark").first
    expect(mark).to_have_attribute("title", "angry-customer, 0:19")
    track = page.locator("#track").bounding_box()
    place = mark.bounding_box()
    assert track
    assert place
    assert (place["x"] - track["x"]) / track["width"] == pytest.approx(13 / 40, abs=0.01)
    assert place["width"] / track["width"] == pytest.approx(6 / 40, abs=0.01)
    alerts.first.click()
    expect(page.get_by_role("button", name="Channel 1, 0:13.0 to 0:19.0")).to_be_focused()
    alerts.nth(2).click()
    expect(page.get_by_role("button", name="Channel 0, 0:01.0 to 0:04.5")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_severities_differ_in_color(show: Show, scheme: str) -> None:
    page = show(calls.measured_answer())
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    colors = page.locator(".alert-severity").evaluate_all(
        "(all) => all.map((each) => getComputedStyle(each).color)"
    )
    assert len(set(colors)) == 3


def test_an_overfull_result_fits_a_narrow_page(show: Show) -> None:
    answer = calls.measured_answer()
    for number, channel in enumerate(answer["channels"]):
        channel["role"] = f"{number}" * 40
    answer["channels"] = [
        *answer["channels"],
        *(answer["channels"][0] | {"channel": number} for number in range(2, 8)),
    ]
    answer["alerts"] = answer["alerts"][:1] * 20
    page = show(answer)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    expect(page.locator(".lane")).to_have_count(8)
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert page.locator("#alerts-list").evaluate("(list) => list.clientHeight") < HEIGHT


def test_every_control_of_the_result_has_an_accessible_name(show: Show) -> None:
    tree = show(calls.measured_answer()).locator("#call").aria_snapshot()
    assert (
        re.findall(r"^\s*- (?:button|textbox|combobox|table|region|group)(?! \")", tree, re.MULTILINE) == []
    )
