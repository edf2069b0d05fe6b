"""The benchmarks of the service and the checks of its guarantees, one command per module."""
