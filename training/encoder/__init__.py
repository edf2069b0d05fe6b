"""The pretrained speech encoder: the first layers of Whisper base, as an ONNX graph.

    weights.py   reads the published weights
    graph.py     builds the graph, in float32 and in int8
    convert.py   `python -m training encoder`: converts, compares, writes

`PROVENANCE.md` says where the shipped weights come from, and how to convert them again.
"""
