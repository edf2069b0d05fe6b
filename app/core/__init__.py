"""Speech to probabilities. Knows no HTTP, no settings and no web framework."""
