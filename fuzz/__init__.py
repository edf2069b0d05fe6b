"""Fuzzing of everything that reads hostile bytes: `make fuzz`. Each harness has its module."""
