"""What a release is made of, and whether it works: run by `make sbom` and `make release-check`."""
