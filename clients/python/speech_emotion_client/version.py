"""The version of the client. The oldest service that it supports is in `README.md`."""

__version__ = "0.1.0"
