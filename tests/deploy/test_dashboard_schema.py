"""The dashboard has only fields and values of Grafana's schema, as Grafana's own package describes it."""

import enum
import json
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from testing.dashboard import DASHBOARD


def unknown(document: str) -> list[str]:
    """Return the fields and values of a dashboard that the schema does not have.

    The package loses unknown fields if it reads and writes a dashboard. It accepts every value.
    """
    register_default_plugins()
    before = json.loads(document)
    dashboard = Dashboard.from_json(before)
    after = json.loads(JSONEncoder().encode(dashboard))
    return [*differences("$", before, after), *wrong_values("$", dashboard)]


def differences(place: str, before: object, after: object) -> Iterator[str]:
    """Yield what is in the first document and not in the second."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from differences(f"{place}.{name}", value, after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (value, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(f"{place}[{index}]", value, other)
    elif before != after:
        yield place


def wrong_values(place: str, part: object) -> Iterator[str]:
    """Yield the values of a part of a dashboard that their enumeration does not have."""
    if isinstance(part, list):
        for index, entry in enumerate(part):
            yield from wrong_values(f"{place}[{index}]", entry)
    elif type(part).__module__.startswith("grafana_foundation_sdk"):
        hints = get_type_hints(type(part))
        for name, value in vars(part).items():
            types = (hints.get(name), *get_args(hints.get(name)))
            allowed: list[set[object]] = [set(kind) for kind in types if isinstance(kind, enum.EnumMeta)]
            if value is not None and allowed and value not in set().union(*allowed):
                yield f"{place}.{name}"
            yield from wrong_values(f"{place}.{name}", value)


def test_the_dashboard_has_only_what_the_schema_has() -> None:
    assert len(DASHBOARD["panels"]) > 40
    assert unknown(json.dumps(DASHBOARD)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ('"gridPos"', '"position"', ".position"),
        ('"legendFormat"', '"legend"', ".legend"),
        ('"fillOpacity"', '"fill"', ".custom.fill"),
        ('"includeAll"', '"all"', "$.templating.list[0].all"),
        ('"mode": "multi"', '"mode": "several"', ".options.tooltip.mode"),
    ],
)
def test_an_unknown_field_or_value_is_found(right: str, wrong: str, place: str) -> None:
    document = json.dumps(DASHBOARD)
    assert right in document
    assert any(found.endswith(place) for found in unknown(document.replace(right, wrong)))
