"""The figures of an archive as a table: CSV or Parquet."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from app.core.manifest import UNDECIDED
from app.reports.aggregates import Call, Group, Report

COUNTS = ("calls", "failed", "segments", "with_alerts")


def as_csv(report: Report) -> bytes:
    """Format a row per group. An empty cell is null."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_columns(report))
    writer.writerows(_rows(report))
    return table.getvalue().encode("utf-8", "replace")


def as_parquet(report: Report) -> bytes:
    """Format a row per group as a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415  # an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    names = _columns(report)
    kinds = [pa.string()] * 3 + [pa.int64()] * len(COUNTS) + [pa.float64()] * (len(names) - 3 - len(COUNTS))
    rows = list(_rows(report))
    columns = [pa.array([row[n] for row in rows], kind) for n, kind in enumerate(kinds)]
    file = io.BytesIO()
    pq.write_table(pa.table(columns, names=names), file, compression="zstd")
    return file.getvalue()


def _columns(report: Report) -> list[str]:
    return ["kind", "key", "value", *COUNTS, "speech", *report.labels, UNDECIDED]


def _rows(report: Report) -> Iterator[list[Any]]:
    """Return the rows: all calls, the days, the groups of each key, the rules, and the calls of each list."""
    selection = report.selection
    yield _group(report, "all", None, report.total)
    for day in report.days:
        yield _group(report, "day", selection.date, day)
    for key, groups in report.groups.items():
        for group in groups:
            yield _group(report, "key", key, group)
    for rule in report.rules:
        yield _group(report, "rule", None, rule.group)
    for call in report.top:
        yield _call(report, "call", selection.emotion, call)
    for rule in report.rules:
        for call in rule.top:
            yield _call(report, "rule call", rule.group.value, call)


def _group(report: Report, kind: str, key: str | None, group: Group) -> list[Any]:
    shares = [group.share(label) for label in (*report.labels, UNDECIDED)]
    counts = [group.calls, group.failed, group.segments, group.alerted]
    return [kind, key, group.value, *counts, group.speech, *shares]


def _call(report: Report, kind: str, key: str | None, call: Call) -> list[Any]:
    """Return the row of a call of a list, which has the share of the emotion of the report only."""
    emotion = report.selection.emotion
    shares = [call.share if label == emotion else None for label in (*report.labels, UNDECIDED)]
    return [kind, key, call.file, 1, 0, None, int(call.alerts > 0), call.speech, *shares]
