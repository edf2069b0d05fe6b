"""The pretrained speech encoder: the first layers of Whisper base, as an ONNX graph.

    weights.py     reads the published weights
    graph.py       builds the graph in float32
    convert.py     `python -m training encoder`: converts, quantizes, compares and writes
    extractor.py   computes features with the shipped encoder

`PROVENANCE.md` describes the source of the shipped weights and their conversion.
"""
