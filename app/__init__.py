"""The speech emotion service. It returns the probability of each emotion in a recording."""

import os

__version__ = "0.1.0"

# ONNX Runtime 1.29 and later for Linux send telemetry about each model, unless this variable is set at
# import. The service sends no data that its operator has not configured.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
