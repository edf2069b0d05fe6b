"""Durable jobs: calls that are analyzed in the background, with webhooks at the end.

DBOS provides the queue, its durability and its retries, in SQLite or PostgreSQL.
"""
