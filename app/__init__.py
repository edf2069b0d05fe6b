"""The speech emotion service: a recording in, the probability of each emotion out."""

import os

__version__ = "0.1.0"

# From 1.29 on ONNX Runtime's builds for Linux report each model to their makers, unless they find this
# set when they are loaded. Nothing leaves this machine that its operator does not send.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
