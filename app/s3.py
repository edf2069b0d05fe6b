"""S3 buckets: recordings to analyze, and the recordings of jobs."""

from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig  # exist only for type checkers

CLIENT: "ClientConfig" = {"allow_http": True, "connect_timeout": "5s", "timeout": "5m"}
"""The options of the client. One response holds a whole recording, and the default timeout is 30 s."""
RETRIES: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}
"""The limits of retries. The caller waits meanwhile, and the default is three minutes."""


def open_bucket(url: str) -> S3Store:
    """Open a bucket. The standard AWS_* variables give the keys, the region and the endpoint.

    Args:
        url: `s3://bucket` or `s3://bucket/prefix`.

    Returns:
        The store. It connects at the first request.

    Raises:
        obstore.exceptions.BaseError: the URL is invalid.
    """
    return S3Store.from_url(url, client_options=CLIENT, retry_config=RETRIES)
