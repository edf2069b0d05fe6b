"""Fixtures that tests and benchmarks share: small bundles, recordings, services, clusters and programs."""
