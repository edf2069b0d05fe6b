"""`python -m training compare`: compare models on the folds of protocols, as tables and a picture."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from app.core.features import FeatureConfig
from app.core.files import write_whole
from training.data.corpora import Utterance
from training.evaluation.cross_validation import Folders, RunConfig, cross_validate, prepare
from training.evaluation.fold import FoldResult
from training.evaluation.results import join
from training.learning.scores import bootstrap_interval, mean_and_sd
from training.models import load_model
from training.publish import plots

MARKDOWN, CSV, PICTURE = "comparison.md", "comparison.csv", "comparison.png"


@dataclass(frozen=True, slots=True)
class Column:
    """A test of every model, which is a column of the table.

    Attributes:
        title: the title: the protocol and, for published folds, the corpus.
        protocol: the name of the protocol.
        utterances: the utterances with their corpora's own labels.
    """

    title: str
    protocol: str
    utterances: Sequence[Utterance]


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of one model in one test. Shares are from 0 to 1.

    Attributes:
        model: the name of the model.
        feature_set: the name of the feature set.
        test: the title of the column.
        n_folds: the number of folds.
        uar: the mean UAR over the folds.
        uar_sd: the sample standard deviation of the UAR; None for one fold.
        low: the lower limit of the 95 % interval of the UAR over speakers.
        high: the upper limit of this interval.
        accuracy: the mean accuracy over the folds.
        validation_uar: the mean validation UAR over the folds.
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
    """The settings of a comparison.

    Attributes:
        models: the names of the models in `training.models`.
        protocols: the names of the protocols in `PROTOCOLS`.
        feature_sets: the feature sets, each of which is used with every model.
        output: the folder of the tables.
    """

    models: Sequence[str]
    protocols: Sequence[str]
    feature_sets: Sequence[FeatureConfig]
    output: Path


def compare(
    utterances: Sequence[Utterance],
    comparison: Comparison,
    config: RunConfig,
    folders: Folders,
    *,
    skip_undecodable: bool = False,
) -> None:
    """Cross-validate models, and write the tables after each model.

    Args:
        utterances: the utterances with their corpora's own labels.
        comparison: the settings of the comparison.
        config: the settings of the cross-validation; the comparison replaces features and protocol.
        folders: the folders of caches.
        skip_undecodable: skip recordings that cannot be analyzed.

    Raises:
        TrainingError: the labels, the recordings or the folds do not permit the run.
    """
    models, feature_sets = comparison.models, comparison.feature_sets
    tf.config.experimental.enable_op_determinism()
    tests = list(columns(utterances, comparison.protocols))
    conditions = tuple(dict.fromkeys(name for model in models for name in load_model(model).conditions))
    cells: list[Cell] = []
    with tqdm(total=len(tests) * len(feature_sets) * len(models), desc="comparing") as bar:
        for test in tests:
            for features in feature_sets:
                own_plan = replace(config, features=features, protocol=test.protocol)
                dataset, folds = prepare(
                    test.utterances, own_plan, folders.cache, conditions, skip_undecodable=skip_undecodable
                )
                for model in models:
                    bar.set_postfix_str(f"{model}, {features.feature_set}, {test.title}")
                    results = cross_validate(model, dataset, folds, own_plan, folders.runs)
                    speakers = [dataset.utterances[i].speaker for i in join(results).indices]
                    cells.append(
                        _cell(model, features.feature_set, test.title, results, speakers, config.seed)
                    )
                    _write(cells, comparison.output)
                    bar.update()
    print(to_markdown(cells))


def columns(utterances: Sequence[Utterance], protocols: Sequence[str]) -> Iterator[Column]:
    """Yield the tests of protocols: one for each corpus with published folds, one for each other protocol."""
    for protocol in protocols:
        if protocol != "published-folds":
            yield Column(protocol, protocol, utterances)
            continue
        for corpus in dict.fromkeys(one.corpus for one in utterances if one.test_fold):
            members = [utterance for utterance in utterances if utterance.corpus == corpus]
            yield Column(f"{protocol}: {corpus}", protocol, members)


def to_markdown(cells: Sequence[Cell]) -> str:
    """Return a table of UAR in percent: a row for each model and feature set, a column for each test."""
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
    """Return mean and standard deviation in percent."""
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
    """Summarize the folds of a model."""
    tested = join(results)
    over_folds = mean_and_sd([result.uar() for result in results])
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
        accuracy=mean_and_sd([result.accuracy for result in results]).mean,
        validation_uar=mean_and_sd([result.validation_uar for result in results]).mean,
    )


def _write(cells: Sequence[Cell], output: Path) -> None:
    """Write the table, the CSV file and the picture of the cells so far."""
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
