"""The page of a call shows its segments, alerts and measures; a name cannot add markup."""

import re

from app.reports.call_page import call_page
from testing.recordings import ROOT
from tests.reports import archives


def test_the_table_has_every_segment_in_order_of_time() -> None:
    answer = archives.call([(0.4, 3.96, 0.81), (61, 64, 0.2)], [(4, 9.5, 0.3)])
    page = call_page("call.wav", answer, archives.LABELS)
    rows = re.findall(
        r'<tr><td class="number">(.+?)</td><td class="number">(.+?)</td><td class="value">(.+?)</td>'
        r'.*?data-tone="(\w+)".*?<td class="number">(.+?)</td>',
        page,
    )
    assert rows == [
        ("0:00.4", "0:04.0", "Channel 0", "anger", "81\u00a0%"),
        ("0:04.0", "0:09.5", "Channel 1", "neutral", "30\u00a0%"),
        ("1:01.0", "1:04.0", "Channel 0", "neutral", "20\u00a0%"),
    ]


def test_the_timeline_places_segments_by_their_times_in_rows_of_ten_minutes() -> None:
    answer = archives.call([(30, 60, 0.9), (590, 610, 0.9)], duration=900)
    page = call_page("call.wav", answer, archives.LABELS)
    assert page.count('class="row"') == 2
    places = re.findall(r'class="segment".*?left: ([\d.]+)%; width: ([\d.]+)%', page)
    assert places == [("5.000", "5.000"), ("98.333", "1.667"), ("0.000", "1.667")]


def test_a_short_call_fills_the_row() -> None:
    page = call_page("call.wav", archives.call([(15, 30, 0.9)], duration=60), archives.LABELS)
    assert re.findall(r'class="segment".*?left: ([\d.]+)%; width: ([\d.]+)%', page) == [("25.000", "25.000")]


def test_alerts_and_measures_are_on_the_page() -> None:
    page = call_page(
        "call.wav", archives.call([(0, 6, 0.9)], [], alerts=("angry-customer",)), archives.LABELS
    )
    assert "<b>angry-customer</b>" in page
    assert "1 alert<" in page
    assert re.search(r"<dt>Silence</dt><dd[^>]*>54.0\u00a0s</dd>", page)
    assert re.search(r"<dt>Turns</dt><dd[^>]*>1</dd>", page)


def test_a_call_without_speech_has_a_page() -> None:
    page = call_page("silent.wav", archives.call([], []), archives.LABELS)
    assert "The recording has no speech." in page
    assert "<table" not in page


def test_names_and_metadata_cannot_add_markup() -> None:
    answer = archives.call([(0, 6, 0.9)], alerts=("<script>alert(3)</script>",))
    answer = answer.model_copy(update={"metadata": {"queue": "<script>alert(1)</script>"}})
    page = call_page("/x/<script>alert(2)</script>\udcff.wav", answer, archives.LABELS)
    assert "<script" not in page
    assert all(f"&lt;script&gt;alert({number})" in page for number in (1, 2, 3))
    assert page.encode()


def test_the_colors_are_those_of_the_page_of_the_service() -> None:
    page = call_page("call.wav", archives.call([(0, 6, 0.9)]), archives.LABELS)
    assert (ROOT / "app/api/page/colors.css").read_text().strip() in page
