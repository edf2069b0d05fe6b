"""`python -m training compare`: models × protocols on the same folds, as a table and a picture."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from app.core.features import FeatureConfig
from training import plots
from training.corpora import Utterance
from training.cross_validation import Folders, Plan, cross_validate, prepare
from training.files import write_whole
from training.fit import FoldResult
from training.models import load_model
from training.results import join
from training.scores import bootstrap_interval, spread

MARKDOWN, CSV, PICTURE = "comparison.md", "comparison.csv", "comparison.png"


@dataclass(frozen=True, slots=True)
class Column:
    """One test that every model takes.

    Attributes:
        title: the protocol, and the corpus if it is of one.
        protocol: its name.
        utterances: with their corpora's own labels.
    """

    title: str
    protocol: str
    utterances: Sequence[Utterance]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one model reached in one test; shares are from 0 to 1.

    Attributes:
        model: its name.
        feature_set: what it is fed.
        test: title of the column.
        n_folds: how many.
        uar: mean over the folds.
        uar_sd: sample standard deviation, None for one fold.
        low: lower end of the 95 % interval over speakers.
        high: upper end.
        accuracy: mean over the folds.
        validation_uar: mean over the folds.
    """

    model: str
    feature_set: str
    test: str
    n_folds: int
    uar: float
    uar_sd: float | None
    low: float
    high: float
    accuracy: float
    validation_uar: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    Attributes:
        models: names in `training.models`.
        protocols: names in `PROTOCOLS`.
        feature_sets: every model is fed each of them.
        output: folder of the tables.
    """

    models: Sequence[str]
    protocols: Sequence[str]
    feature_sets: Sequence[FeatureConfig]
    output: Path


def compare(
    utterances: Sequence[Utterance],
    comparison: Comparison,
    plan: Plan,
    folders: Folders,
    *,
    skip_undecodable: bool = False,
) -> None:
    """Cross-validate models and write the tables anew after each.

    Args:
        utterances: with their corpora's own labels.
        comparison: what is compared.
        plan: of which seed and number of folds count.
        folders: where features and runs are kept.
        skip_undecodable: leave out recordings that cannot be analysed.

    Raises:
        TrainingError: the run cannot work.
    """
    models, feature_sets = comparison.models, comparison.feature_sets
    tf.config.experimental.enable_op_determinism()
    tests = list(columns(utterances, comparison.protocols))
    conditions = tuple(dict.fromkeys(name for model in models for name in load_model(model).conditions))
    cells: list[Cell] = []
    with tqdm(total=len(tests) * len(feature_sets) * len(models), desc="comparing") as bar:
        for test in tests:
            for features in feature_sets:
                own_plan = replace(plan, features=features, protocol=test.protocol)
                dataset, folds = prepare(
                    test.utterances, own_plan, folders.cache, conditions, skip_undecodable=skip_undecodable
                )
                for model in models:
                    bar.set_postfix_str(f"{model}, {features.feature_set}, {test.title}")
                    results = cross_validate(model, dataset, folds, own_plan, folders.runs)
                    speakers = [dataset.utterances[i].speaker for i in join(results).indices]
                    cells.append(_cell(model, features.feature_set, test.title, results, speakers, plan.seed))
                    _write(cells, comparison.output)
                    bar.update()
    print(to_markdown(cells))


def columns(utterances: Sequence[Utterance], protocols: Sequence[str]) -> Iterator[Column]:
    """The tests of some protocols: published folds are of one corpus each, the rest of all."""
    for protocol in protocols:
        if protocol != "published-folds":
            yield Column(protocol, protocol, utterances)
            continue
        for corpus in dict.fromkeys(one.corpus for one in utterances if one.test_fold):
            members = [utterance for utterance in utterances if utterance.corpus == corpus]
            yield Column(f"{protocol}: {corpus}", protocol, members)


def to_markdown(cells: Sequence[Cell]) -> str:
    """A row for each model and feature set, a column for each test; UAR in percent, best in bold."""
    tests = list(dict.fromkeys(cell.test for cell in cells))
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in cells:
        rows.setdefault((cell.model, cell.feature_set), {})[cell.test] = cell
    best = {test: max(cell.uar for cell in cells if cell.test == test) for test in tests}
    lines = [
        "| model | features | " + " | ".join(tests) + " |",
        "| --- | --- |" + " --- |" * len(tests),
    ]
    for (model, feature_set), row in rows.items():
        texts = [_text(row[test], best[test]) if test in row else "" for test in tests]
        lines.append(f"| {model} | {feature_set} | " + " | ".join(texts) + " |")
    return "\n".join(lines) + "\n"


def _text(cell: Cell, best: float) -> str:
    """Mean and standard deviation in percent."""
    text = f"{100 * cell.uar:.1f}" + ("" if cell.uar_sd is None else f" ± {100 * cell.uar_sd:.1f}")
    return f"**{text}**" if cell.uar == best else text


def _cell(
    model: str,
    feature_set: str,
    test: str,
    results: Sequence[FoldResult],
    speakers: Sequence[str],
    seed: int,
) -> Cell:
    """Sum up the folds of a model."""
    tested = join(results)
    over_folds = spread([result.uar() for result in results])
    low, high = bootstrap_interval(tested.truth, tested.recognized, speakers, seed)
    return Cell(
        model=model,
        feature_set=feature_set,
        test=test,
        n_folds=len(results),
        uar=over_folds.mean,
        uar_sd=over_folds.sd,
        low=low,
        high=high,
        accuracy=spread([result.accuracy for result in results]).mean,
        validation_uar=spread([result.validation_uar for result in results]).mean,
    )


def _write(cells: Sequence[Cell], output: Path) -> None:
    """Write table, CSV and picture of what is there so far."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(asdict(cells[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(cell) for cell in cells)
    write_whole(output / MARKDOWN, to_markdown(cells).encode())
    write_whole(output / CSV, table.getvalue().encode())
    several = len({cell.feature_set for cell in cells}) > 1
    names = {cell: f"{cell.model}, {cell.feature_set}" if several else cell.model for cell in cells}
    panels = {
        test: [(names[cell], cell.uar, cell.low, cell.high) for cell in group]
        for test, group in groupby(cells, key=lambda cell: cell.test)
    }
    write_whole(output / PICTURE, plots.comparison(panels))
