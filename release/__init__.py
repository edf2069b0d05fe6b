"""The SBOM and the check of a release: `make sbom` and `make release-check`."""
