"""Live streams: the analysis of a call while it happens."""
