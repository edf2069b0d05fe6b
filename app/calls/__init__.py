"""The analysis of a call, spread over a worker pool."""
