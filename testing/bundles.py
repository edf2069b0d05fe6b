"""Small bundles that need no training: a random linear layer and a softmax."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.core.bundle import OPENSMILE_VERSION, OUTPUT, SPEAKER_OUTPUTS, write_bundle
from app.core.features import FeatureConfig, FeatureExtractor, FeatureSet
from app.core.manifest import Corpus, Facts, Features, FoldScore, Level, LogMel, Protocol, Scores, Spread
from app.core.scaler import Scaler

LABELS = ("anger", "surprise", "happiness", "sadness", "neutral")


def facts(  # noqa: PLR0913  # each test varies one argument
    name: str = "small",
    feature_set: FeatureSet = "emobase",
    *,
    temperature: float = 1.0,
    level: Level = "functionals",
    inputs: Sequence[str] = ("opensmile",),
    adapts: bool = False,
    labels: Sequence[str] = LABELS,
) -> Facts:
    """Return the facts of a bundle that takes openSMILE features, spectrograms, or both."""
    log_mel = LogMel(sampling_rate=16_000, n_mels=80, encoder="none") if "log_mel" in inputs else None
    features = opensmile_facts(feature_set, level) if "opensmile" in inputs else None
    shapes_of_inputs = [part.input_shapes for part in (features, log_mel) if part is not None]
    return Facts(
        name=name,
        labels=tuple(labels),
        features=features,
        log_mel=log_mel,
        adapts_to_speaker=adapts,
        input_shapes={port: shape for shapes in shapes_of_inputs for port, shape in shapes.items()},
        protocol=Protocol(
            name="speaker-independent",
            n_folds=2,
            seed=1,
            corpora=(Corpus(name="none", n_utterances=0, n_speakers=0),),
        ),
        scores=Scores(
            uar=Spread(mean=0.2, sd=0.0),
            uar_interval=(0.1, 0.3),
            accuracy=Spread(mean=0.2, sd=0.0),
            calibration_error=0.1,
            uncalibrated_error=0.2,
            folds=tuple(FoldScore(fold=k, uar=0.2, accuracy=0.2, validation_uar=0.2) for k in ("1", "2")),
        ),
        model="linear",
        chosen_folds=("1",),
        chosen_by="a throw of the dice",
        temperature=temperature,
    )


def opensmile_facts(feature_set: FeatureSet, level: Level) -> Features:
    """Return the part of the facts that describes openSMILE features."""
    extractor = FeatureExtractor(FeatureConfig(feature_set))
    return Features(
        feature_set=feature_set,
        level=level,
        sampling_rate=16_000,
        n_functionals=len(extractor.functional_names),
        n_descriptors=len(extractor.descriptor_names),
        names_sha256=extractor.names_sha256,
        opensmile_version=OPENSMILE_VERSION,
    )


def scaler(described: Facts) -> Scaler:
    """Return a scaler that keeps the output of the linear layer small for real features."""
    return Scaler(np.zeros(described.n_scaled), np.full(described.n_scaled, 1e3))


def network(described: Facts, n_labels: int = len(LABELS), inputs: str = "features") -> bytes:
    """Return a linear layer and a softmax on functionals or mean descriptors, with the facts as metadata."""
    nodes, ports, logit_names, constants = [], [], [], []
    for name, shape in described.input_shapes.items():
        port = inputs if name == "features" else name
        weights = np.random.default_rng(1).normal(0, 0.05, (shape[-1] or 0, n_labels)).astype(np.float32)
        constants.append(numpy_helper.from_array(weights, f"weights of {name}"))
        ports.append(
            helper.make_tensor_value_info(port, TensorProto.FLOAT, ("n", *(n or "t" for n in shape)))
        )
        if len(shape) > 1:
            nodes.append(helper.make_node("ReduceMean", [port], [f"mean {port}"], axes=[1], keepdims=0))
            port = f"mean {port}"
        nodes.append(helper.make_node("MatMul", [port, f"weights of {name}"], [f"logits of {name}"]))
        logit_names.append(f"logits of {name}")
    nodes.append(helper.make_node("Sum", logit_names, ["logits"]))
    nodes.append(helper.make_node("Softmax", ["logits"], [OUTPUT], axis=-1))
    names = [OUTPUT]
    if described.adapts_to_speaker:
        # The offsets are half of the logits, so the adaptation subtracts a part of the mean logits.
        constants.append(numpy_helper.from_array(np.array(0.5, np.float32), "half"))
        logits, offsets = SPEAKER_OUTPUTS
        nodes.append(helper.make_node("Identity", ["logits"], [logits]))
        nodes.append(helper.make_node("Mul", ["logits", "half"], [offsets]))
        names += SPEAKER_OUTPUTS
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (None, n_labels)) for name in names]
    graph = helper.make_graph(nodes, "linear", ports, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, described.to_metadata())
    content: bytes = model.SerializeToString()
    return content


def write(  # noqa: PLR0913  # the same arguments as `facts`
    parent: Path,
    name: str = "small",
    feature_set: FeatureSet = "emobase",
    *,
    temperature: float = 1.0,
    level: Level = "functionals",
    inputs: Sequence[str] = ("opensmile",),
    adapts: bool = False,
    labels: Sequence[str] = LABELS,
) -> Path:
    """Write such a bundle, and return its folder."""
    described = facts(
        name, feature_set, temperature=temperature, level=level, inputs=inputs, adapts=adapts, labels=labels
    )
    artifacts = {"MODEL_CARD.md": b"# small\n"}
    write_bundle(parent / name, described, scaler(described), network(described, len(labels)), artifacts)
    return parent / name
