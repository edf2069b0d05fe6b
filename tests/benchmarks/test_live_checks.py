import pytest

from benchmarks.live_checks import report_late_clients
from benchmarks.live_client import Talk


def test_late_clients_are_named_and_fail_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    talks = [Talk(late=0.5), Talk(late=2.0, start_late=31.0), Talk(late=12.0)]
    assert report_late_clients(talks) is False
    printed = capsys.readouterr().out
    assert printed.startswith("BROKEN  3 clients did not send at the same time")
    assert "client 1 by 33.0 s, client 2 by 12.0 s, client 0 by 0.5 s" in printed
