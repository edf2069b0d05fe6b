"""The correction of a fine-tuning as nodes of the ONNX graph of a bundle."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from app.core.bundle import OUTPUT, SPEAKER_OUTPUTS
from app.core.manifest import Facts
from training.learning.correction import Correction

PREFIX = "original_"


def with_correction(content: bytes, correction: Correction, facts: Facts) -> bytes:
    """Add a correction to the graph of a bundle.

    The original outputs stay in the graph under other names. The correction holds for calibrated logits, and
    the service divides the outputs of the graph by the temperature. So the graph multiplies the constants by
    the temperature.

    Args:
        content: the ONNX model of the original bundle.
        correction: the correction.
        facts: the facts of the new bundle, for the metadata.

    Returns:
        The ONNX model with the same inputs and outputs.
    """
    model = onnx.load_from_string(content)
    logits, offsets = SPEAKER_OUTPUTS
    for node in model.graph.node:
        node.input[:] = [_renamed(name) for name in node.input]
        node.output[:] = [_renamed(name) for name in node.output]
    constants = {
        "correction_factor": correction.factor.T,
        "correction_bias": facts.temperature * correction.bias,
        "correction_shift": facts.temperature * correction.shift,
    }
    model.graph.initializer.extend(_constant(name, value) for name, value in constants.items())
    if facts.adapts_to_speaker:
        start = []
        end = [
            helper.make_node("LogSoftmax", ["corrected_logits"], [logits], axis=-1),
            helper.make_node("MatMul", [PREFIX + offsets, "correction_factor"], ["scaled_offsets"]),
            helper.make_node("Sub", ["scaled_offsets", "correction_shift"], [offsets]),
        ]
    else:
        tiny = np.array(np.finfo(np.float32).tiny)
        model.graph.initializer.append(_constant("smallest_probability", tiny))
        start = [
            helper.make_node("Max", [PREFIX + OUTPUT, "smallest_probability"], ["positive_probabilities"]),
            helper.make_node("Log", ["positive_probabilities"], [PREFIX + logits]),
        ]
        end = []
    model.graph.node.extend(
        [
            *start,
            helper.make_node("MatMul", [PREFIX + logits, "correction_factor"], ["scaled_logits"]),
            helper.make_node("Add", ["scaled_logits", "correction_bias"], ["corrected_logits"]),
            helper.make_node("Softmax", ["corrected_logits"], [OUTPUT], axis=-1),
            *end,
        ]
    )
    helper.set_model_props(model, facts.to_metadata())
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _renamed(name: str) -> str:
    """Return the new name of an original output, and any other name as it is."""
    return PREFIX + name if name in {OUTPUT, *SPEAKER_OUTPUTS} else name


def _constant(name: str, value: NDArray[np.floating]) -> onnx.TensorProto:
    """Return a constant of the graph in float32."""
    return numpy_helper.from_array(np.asarray(value, np.float32), name)
