"""The verb explain: the verb writes what the network rests on, for networks whose use of values is known."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from app.core.audio import Signal
from app.core.bundle import read_bundle, write_bundle
from app.core.features import FEATURE_SETS, FeatureConfig, FeatureExtractor
from testing import bundles
from testing.recordings import corpora, encode
from training.__main__ import main
from training.evaluation.embedding import neighbor_agreement
from training.evaluation.importance import groups_of_functionals, groups_of_statistics, importances
from training.evaluation.inner import InnerNetwork, pooled_network
from training.evaluation.occlusion import occlude, over_time

SHIPPED = Path("models/multilingual")
EXAMPLE = Path("examples/utterance.wav")
BURST = (1.0, 1.4)
"""The seconds of the only sound of `burst`."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of utterances, some with labels that the bundle does not have."""
    source = corpora() / "emodb" / "utterances.csv"
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))[::25]
    path = tmp_path_factory.mktemp("few") / "utterances.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "path": source.parent / row["path"]} for row in rows)
    return path


def burst() -> Signal:
    """Return two seconds of faint noise with one loud tone."""
    time = np.arange(32_000) / 16_000
    samples = 1e-3 * np.random.default_rng(1).standard_normal(len(time))
    sounds = (BURST[0] <= time) & (time < BURST[1])
    samples[sounds] += 0.4 * np.sign(np.sin(2 * np.pi * 200 * time[sounds]))
    return Signal(samples.astype(np.float32)[np.newaxis], 16_000)


def bundle_of(folder: Path, group: str) -> tuple[Path, dict[str, NDArray[np.intp]]]:
    """Write a bundle whose network uses one group of functionals, and return all groups."""
    described = bundles.facts("selective")
    groups = groups_of_functionals(FeatureExtractor(FeatureConfig("emobase")).functional_names)
    model = onnx.load_from_string(bundles.network(described))
    (weights,) = model.graph.initializer
    selective = numpy_helper.to_array(weights).copy()
    selective[np.setdiff1d(np.arange(len(selective)), groups[group])] = 0
    weights.CopyFrom(numpy_helper.from_array(selective, weights.name))
    path = folder / "selective"
    write_bundle(
        path, described, bundles.scaler(described), model.SerializeToString(), {"MODEL_CARD.md": b"#"}
    )
    return path, groups


@pytest.mark.parametrize("inputs", ["log_mel", "opensmile"])
def test_hiding_the_only_sound_changes_the_answer_most(tmp_path: Path, inputs: str) -> None:
    bundle = read_bundle(bundles.write(tmp_path, inputs=(inputs,)))
    found = occlude(bundle, burst(), 0.4, 0.1)
    start, end = found.windows[np.abs(found.changes).argmax()]
    overlap = min(end, BURST[1]) - max(start, BURST[0])
    assert overlap >= 0.2
    assert found.windows[-1].tolist() == pytest.approx([1.6, 2.0])
    far = (found.windows[:, 1] <= BURST[0] - 0.1) | (found.windows[:, 0] >= BURST[1] + 0.1)
    assert np.abs(found.changes[far]).max() < np.abs(found.changes).max() / 4
    steps = over_time(found, 0.1)
    assert len(steps) == 20
    assert steps[0] == pytest.approx(found.changes[0])  # the first window alone covers the first step


def test_permuting_the_used_group_costs_uar_and_the_others_cost_nothing(tmp_path: Path) -> None:
    folder, groups = bundle_of(tmp_path, "MFCC")
    answer = pooled_network(folder)
    assert answer
    values = np.random.default_rng(2).standard_normal((300, 988)).astype(np.float32)
    truth = answer(values).argmax(axis=1)
    speakers = [str(place % 7) for place in range(len(values))]
    found = importances(values, truth, speakers, groups, answer, n_repeats=3, seed=1)
    drops = {one.group: one for one in found}
    used = drops.pop("MFCC")
    assert 0.5 < used.speakers[0] <= used.drop <= used.speakers[1] < 1
    assert used.repeats[0] <= used.drop <= used.repeats[1]
    assert {(one.drop, one.repeats, one.speakers) for one in drops.values()} == {
        (0.0, (0.0, 0.0), (0.0, 0.0))
    }


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_every_functional_has_a_group(feature_set: str) -> None:
    names = FeatureExtractor(FeatureConfig(feature_set)).functional_names
    groups = groups_of_functionals(names)
    assert "other" not in groups
    assert sorted(np.concatenate(list(groups.values()))) == list(range(len(names)))
    assert {"F0", "loudness", "MFCC", "spectral", "voice quality"} <= set(groups)
    assert any("F0" in names[column] for column in groups["F0"])
    assert all("mfcc" in names[column] for column in groups["MFCC"])


def test_the_part_behind_the_encoder_gives_the_answers_of_the_whole_network() -> None:
    network, answer = InnerNetwork(SHIPPED), pooled_network(SHIPPED)
    values = network.look(EXAMPLE.read_bytes())
    assert answer
    np.testing.assert_allclose(answer(values.pooled[np.newaxis])[0], values.probabilities, atol=1e-5)
    assert values.hidden.shape == (128 * len(network.hidden),)
    groups = groups_of_statistics(len(values.pooled))
    layers = [groups[f"encoder layer {number}"] for number in (1, 2, 3, 4)]
    assert sorted(np.concatenate(layers)) == list(range(len(values.pooled)))
    assert groups["mean"].tolist() == list(range(4 * 512))
    assert groups["encoder layer 2"][:512].tolist() == list(range(512, 1024))


def test_a_network_on_frames_has_no_pooled_values(tmp_path: Path) -> None:
    assert pooled_network(bundles.write(tmp_path, inputs=("log_mel",))) is None


def test_neighbors_agree_on_what_separates_them() -> None:
    places = np.concatenate([np.zeros(20), np.full(20, 9.0)])[:, np.newaxis]
    places = places + np.random.default_rng(1).normal(0, 0.1, places.shape)
    apart = ["a"] * 20 + ["b"] * 20
    mixed = ["a", "b"] * 20
    assert neighbor_agreement(places.astype(np.float32), apart) == pytest.approx((1.0, 19 / 39))
    share, chance = neighbor_agreement(places.astype(np.float32), mixed)
    assert share == pytest.approx(chance, abs=0.15)


def explain(bundle: Path, output: Path, *options: str | Path) -> int:
    return main(["explain", "--bundle", str(bundle), "--output", str(output), *map(str, options)])


def test_the_report_has_every_picture(tmp_path: Path, table: Path) -> None:
    bundle, _ = bundle_of(tmp_path, "MFCC")
    options = ("--corpus", f"csv={table}", "--recording", EXAMPLE, "--utterances", "14", "--repeats", "2")
    assert explain(bundle, tmp_path / "out", *options) == 0
    report = (tmp_path / "out" / "explanation.md").read_text()
    pictures = set(re.findall(r"\]\((\w+\.png)\)", report))
    assert pictures == {"occlusion.png", "embedding_map.png", "importance.png", "confusion_by_sex.png"}
    assert all((tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    results = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert results["n_utterances"] == 14 < results["n_labeled"] < results["n_listed"]
    assert "A sample of these, drawn with the seed, was analyzed: 14 utterances" in report
    assert np.sum(list(results["confusion"]["sex"].values())) == 14
    (importance,) = results["importance"].values()
    assert all(one["drop"] == 0 for one in importance if one["group"] != "MFCC")
    assert results["embedding"]["layer"] == "outputs before the softmax"  # the network has one layer


def test_a_recording_alone_is_explained_and_a_dry_run_writes_nothing(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundles.write(tmp_path, inputs=("log_mel",))
    options = ("--recording", EXAMPLE)
    assert explain(bundle, tmp_path / "out", *options, "--corpus", f"csv={table}", "--dry-run") == 0
    assert "Dry run: nothing was written." in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert explain(bundle, tmp_path / "out", *options) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"occlusion.png", "explanation.md", "explanation.json"}


def test_commands_that_cannot_succeed_say_why(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundles.write(tmp_path, inputs=("log_mel",))
    short, few = tmp_path / "short.wav", tmp_path / "few.csv"
    short.write_bytes(encode(np.full(4_000, 0.1, np.float32)))
    few.write_text("\n".join(table.read_text().splitlines()[:4]) + "\n")
    for options, reason in (
        ((), "there is nothing to explain: give --recording, --corpus or both"),
        (("--recording", tmp_path / "none.wav"), "there is no such file"),
        (("--recording", EXAMPLE, "--hop", "0.5"), "--hop 0.5 is longer than --window 0.3"),
        (("--recording", short), "short.wav: the recording lasts 0.2 s"),
        (("--corpus", f"csv={few}"), "an explanation needs at least 11"),
    ):
        assert explain(bundle, tmp_path / "out", *options) == 1
        assert reason in capsys.readouterr().err
    assert explain(tmp_path / "nothing", tmp_path / "out", "--recording", EXAMPLE) == 1
    assert "there is no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        explain(bundle, tmp_path / "out", "--recording", EXAMPLE, "--window", "0")
    assert not (tmp_path / "out").exists()
