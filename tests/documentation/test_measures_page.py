"""`docs/measures.md` defines every measure, with the constants of the code."""

import re
from dataclasses import fields

import pytest

from app.calls import mood, turns
from app.calls.measures import CallMeasures, PartyMeasures, PitchRange
from app.calls.mood import Mood
from app.calls.recovery import Recovery
from app.calls.turns import Interruption
from app.core import loudness, pitch, segments, timeline
from testing.recordings import ROOT

PAGE = (ROOT / "docs" / "measures.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


def defined(party: str) -> set[str]:
    """Return the measures that the tables define for a party, a call or a segment."""
    return {
        name
        for names, of, _, definition, _, source in ROWS
        if definition and source and party in of.split(", ")
        for name in re.findall(r"`([\w.]+)`", names)
    }


@pytest.mark.parametrize(("party", "measures"), [("party", PartyMeasures), ("call", CallMeasures)])
def test_every_measure_has_a_definition(party: str, measures: type) -> None:
    nested = {"emotion": Mood, "pitch": PitchRange}
    expected = set()
    for field in fields(measures):
        if field.name in nested:
            expected |= {f"{field.name}.{inner.name}" for inner in fields(nested[field.name])}
        else:
            expected.add(field.name)
    assert defined(party) == expected


def test_the_measures_of_a_segment_have_a_definition() -> None:
    assert defined("segment") == {"loudness"} | {f"pitch.{field.name}" for field in fields(PitchRange)}


@pytest.mark.parametrize("element", [Interruption, Recovery])
def test_every_field_of_an_element_is_explained(element: type) -> None:
    for field in fields(element):
        assert f"`{field.name}`" in PAGE


@pytest.mark.parametrize(
    ("statement", "constant"),
    [
        ("a pause of at least {:g} s", turns.PAUSE),
        ("a turn shorter than {:g} s", turns.BACKCHANNEL),
        ("lasts at least {:g} s", turns.BACKCHANNEL),
        ("at least {:g} s left", turns.TERMINAL),
        ("at least {:g} s apart", segments.PAUSE),
        ("a segment of {:g} s is cut", segments.LONGEST),
        ("first {:g} s of speech", mood.EDGE),
        ("less than {:g} s | weighted", mood.MIN_SPAN),
        ("leads? for {:g} s of speech", timeline.STAYS),
        ("at most {:g} dB below", loudness.MARGIN),
        ("from {:g} to", pitch.LOWEST),
        ("to {:g} Hz", pitch.HIGHEST),
        ("\\({:g} per second\\)", pitch.SAMPLING_RATE / pitch.HOP),
        ("less than {:g} ms voiced", 1000 * pitch.MIN_FRAMES * pitch.HOP / pitch.SAMPLING_RATE),
    ],
)
def test_the_page_has_the_constants_of_the_code(statement: str, constant: float) -> None:
    assert re.search(statement.format(constant).replace(" ", r"\s+").replace(r"\s+|", r"\s+\|"), PAGE)
