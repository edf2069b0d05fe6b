"""The core: from audio to probabilities. Independent of HTTP, settings and web frameworks."""
