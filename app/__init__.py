"""The speech emotion service: a recording in, the probability of each emotion out."""

__version__ = "0.1.0"
