"""The HTTP layer: routes, schemas, uploads and problems. No other layer depends on HTTP."""
