"""The harnesses. `fuzz.harness.Harness` describes their functions."""
