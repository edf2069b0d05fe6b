"""Work that outlives its request: calls that are analysed later, and whoever waits is told.

The queue, its durability and its retries are DBOS's, in SQLite or PostgreSQL.
"""
