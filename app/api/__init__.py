"""The HTTP edge: routes, schemas, uploads, problems. Everything below it knows no HTTP."""
