"""The files of a comparison: a report in Markdown, tables as CSV, and pictures."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from app.core.files import write_whole
from training.data.corpora import FACTS
from training.evaluation.comparison import Candidate, Cell, Cost, Entry, Pair, complete, costs, pairs, ranks
from training.learning.significance import N_RESAMPLES
from training.publish import comparison_plots as plots
from training.publish.templates import plus_minus, render

REPORT, CELLS, DIFFERENCES, COSTS = "comparison.md", "comparison.csv", "differences.csv", "costs.csv"
PICTURE, RANKS, PARETO = "comparison.png", "ranks.png", "cost.png"
SIGNIFICANT = 0.05
"""The corrected p-value below which a difference is printed in bold. Not tuned."""

FEW_SPEAKERS = 10
"""The number of speakers below which the report warns: resampling of few speakers gives p-values that are too
small. Not tuned."""


def write(
    entries: Sequence[Entry], extraction: Mapping[str, float], corpora: Sequence[str], output: Path
) -> str:
    """Write all files of the candidates so far. Each file is written completely or not at all.

    Args:
        entries: the candidates in each test.
        extraction: the measured processor time of each feature set, in milliseconds.
        corpora: the names of the corpora, whose published results the report has.
        output: the folder of the files.

    Returns:
        The report.
    """
    cells, compared = [entry.cell for entry in entries], pairs(entries)
    names = _names([cell.candidate for cell in cells])
    write_whole(output / CELLS, _csv([asdict(cell) for cell in cells]))
    panels = {
        test: [(names[cell.candidate], cell.uar, cell.low, cell.high) for cell in group]
        for test, group in groupby(cells, key=lambda cell: cell.test)
    }
    write_whole(output / PICTURE, plots.comparison(panels))
    if compared:
        write_whole(output / DIFFERENCES, _csv([_row_of_pair(pair) for pair in compared]))
    measured = costs(entries, extraction)
    ranked = ranks(entries)
    if len(ranked.candidates) > 1:
        write_whole(output / RANKS, plots.critical_difference(ranked, names))
        write_whole(output / PARETO, plots.pareto(measured, names))
        write_whole(output / COSTS, _csv([_row_of_cost(cost) for cost in measured]))
    report = render(
        "comparison.md.jinja",
        table=to_markdown(cells),
        n_seeds=max(cell.n_seeds for cell in cells),
        pairs=[_texts_of_pair(pair, names) for pair in compared],
        n_resamples=N_RESAMPLES,
        few_speakers=any(pair.n_speakers < FEW_SPEAKERS for pair in compared),
        ranked=ranked,
        n_tests=len(complete(entries)),
        published={
            name: FACTS[name].published for name in corpora if name in FACTS and FACTS[name].published
        },
    )
    write_whole(output / REPORT, report.encode())
    return report


def to_markdown(cells: Sequence[Cell]) -> str:
    """Return a table of UAR in percent: a row for each model and feature set, a column for each test."""
    tests = list(dict.fromkeys(cell.test for cell in cells))
    rows: dict[Candidate, dict[str, Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.candidate, {})[cell.test] = cell
    best = {test: max(cell.uar for cell in cells if cell.test == test) for test in tests}
    lines = [
        "| model | features | " + " | ".join(tests) + " |",
        "| --- | --- |" + " --- |" * len(tests),
    ]
    for one, row in rows.items():
        texts = [_text(row[test], best[test]) if test in row else "" for test in tests]
        lines.append(f"| {one.model} | {one.feature_set} | " + " | ".join(texts) + " |")
    return "\n".join(lines) + "\n"


def _text(cell: Cell, best: float) -> str:
    """Return mean and standard deviation in percent: over the seeds, or over the folds of a single seed."""
    text = plus_minus(cell.uar, cell.uar_sd if cell.n_seeds == 1 else cell.uar_seed_sd).replace("%", "")
    return f"**{text}**" if cell.uar == best else text


def _names(candidates: Sequence[Candidate]) -> dict[Candidate, str]:
    """Return the name of each candidate, with its features if there are several feature sets."""
    several = len({candidate.feature_set for candidate in candidates}) > 1
    return {one: f"{one.model}, {one.feature_set}" if several else one.model for one in candidates}


def _row_of_pair(pair: Pair) -> dict[str, object]:
    """Return a row of `differences.csv`."""
    return {
        "test": pair.test,
        "first_model": pair.first.model,
        "first_feature_set": pair.first.feature_set,
        "second_model": pair.second.model,
        "second_feature_set": pair.second.feature_set,
        "n_speakers": pair.n_speakers,
        **asdict(pair.difference),
        "p_value_holm": pair.corrected,
    }


def _texts_of_pair(pair: Pair, names: Mapping[Candidate, str]) -> dict[str, object]:
    """Return the texts of a pair in the report."""
    one = pair.difference
    difference = f"{100 * one.difference:+.1f}"
    return {
        "test": pair.test,
        "first": names[pair.first],
        "second": names[pair.second],
        "difference": f"**{difference}**" if pair.corrected < SIGNIFICANT else difference,
        "interval": f"{100 * one.low:+.1f} to {100 * one.high:+.1f}",
        "p_value": _p_text(one.p_value),
        "corrected": _p_text(pair.corrected),
    }


def _p_text(p_value: float) -> str:
    """Return a p-value with three decimals."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"  # noqa: PLR2004  # the last decimal


def _row_of_cost(cost: Cost) -> dict[str, object]:
    """Return a row of `costs.csv`."""
    return {
        **asdict(cost.candidate),
        "extraction_ms": round(cost.extraction, 3),
        "model_ms": round(cost.model, 3),
        "uar": cost.uar,
    }


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return rows as the content of a CSV file."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()
