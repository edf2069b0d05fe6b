"""Export of a bundle: the ONNX graph, the model card and the pictures."""
