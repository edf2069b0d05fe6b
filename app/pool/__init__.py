"""The worker pool: processes that decode recordings and run the networks."""
