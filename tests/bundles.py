"""Small bundles that need no training: a random linear layer and a softmax."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.core.bundle import INPUT, OPENSMILE_VERSION, OUTPUT, write_bundle
from app.core.features import FeatureConfig, FeatureExtractor, FeatureSet
from app.core.manifest import Corpus, Facts, Features, FoldScore, Protocol, Scores, Spread
from app.core.scaler import Scaler

LABELS = ("anger", "surprise", "happiness", "sadness", "neutral")


def facts(name: str = "small", feature_set: FeatureSet = "emobase", temperature: float = 1.0) -> Facts:
    """What a bundle on some feature set says of itself."""
    extractor = FeatureExtractor(FeatureConfig(feature_set))
    return Facts(
        name=name,
        labels=LABELS,
        features=Features(
            feature_set=feature_set,
            level="functionals",
            sampling_rate=16_000,
            n_features=len(extractor.names),
            names_sha256=extractor.names_sha256,
            opensmile_version=OPENSMILE_VERSION,
        ),
        input_shape=(len(extractor.names),),
        protocol=Protocol(
            name="speaker-independent",
            n_folds=2,
            seed=1,
            corpora=(Corpus(name="none", n_utterances=0, n_speakers=0),),
        ),
        scores=Scores(
            uar=Spread(mean=0.2, sd=0.0),
            accuracy=Spread(mean=0.2, sd=0.0),
            calibration_error=0.1,
            uncalibrated_error=0.2,
            folds=tuple(FoldScore(fold=k, uar=0.2, accuracy=0.2, validation_uar=0.2) for k in (1, 2)),
        ),
        chosen_fold=1,
        chosen_by="a throw of the dice",
        temperature=temperature,
    )


def scaler(n_features: int) -> Scaler:
    """Keeps the linear layer's output within reason for real features."""
    return Scaler(np.zeros(n_features), np.full(n_features, 1e3))


def network(described: Facts, n_labels: int = len(LABELS), inputs: str = INPUT) -> bytes:
    """A linear layer and a softmax, with the facts in its metadata."""
    n_features = described.features.n_features
    weights = np.random.default_rng(1).normal(0, 0.05, (n_features, n_labels)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", [inputs, "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], [OUTPUT], axis=-1),
        ],
        "linear",
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, (None, n_features))],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, (None, n_labels))],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, described.to_metadata())
    content: bytes = model.SerializeToString()
    return content


def write(
    parent: Path, name: str = "small", feature_set: FeatureSet = "emobase", temperature: float = 1.0
) -> Path:
    """Write such a bundle, and say where it stands."""
    described = facts(name, feature_set, temperature)
    write_bundle(
        parent / name,
        described,
        scaler(described.features.n_features),
        network(described),
        {"MODEL_CARD.md": b"# small\n"},
    )
    return parent / name
