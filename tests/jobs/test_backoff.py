"""The pauses between the attempts to deliver a webhook."""

from datetime import UTC, datetime

import pytest

from app.jobs.backoff import JITTER, MAX_RETRY_AFTER, PAUSES, draw_pause, read_retry_after

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_the_pauses_between_deliveries_follow_the_specification() -> None:
    assert len(PAUSES) == 10
    assert sum(PAUSES) / 3600 == pytest.approx(75, abs=2)
    assert list(PAUSES) == sorted(set(PAUSES))


@pytest.mark.parametrize("tries", range(1, len(PAUSES)))
def test_a_pause_is_the_planned_one_and_a_random_share(tries: int) -> None:
    pauses = [draw_pause(tries, None) for _ in range(50)]
    assert all(PAUSES[tries] <= pause <= PAUSES[tries] * (1 + JITTER) for pause in pauses)
    assert len(set(pauses)) > 1


def test_a_receiver_can_only_ask_for_a_longer_pause() -> None:
    assert 600 <= draw_pause(1, 600.0) <= 600 * (1 + JITTER)
    assert PAUSES[3] <= draw_pause(3, 600.0) <= PAUSES[3] * (1 + JITTER)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("Tue, 24 Nov 2026 09:32:00 GMT", 120.0),
        ("Tue, 24 Nov 2026 09:32:00 -0000", 120.0),
        ("Tue, 24 Nov 2026 09:28:00 GMT", 0.0),
        ("Tue, 24 Nov 2099 09:32:00 GMT", MAX_RETRY_AFTER),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Tue, 99 Nov 2026 09:32:00 GMT", None),
        ("Tue, 24 Nov 99999999999999999999 09:32:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, NOW) == seconds
