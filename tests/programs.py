"""Debian's programs that some tests need: a test is skipped where there is none, but fails in CI."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Find a program on the path, which `make test` installs where it may.

    Returns:
        Its path.

    Raises:
        pytest.skip.Exception: if it is not there.
        pytest.fail.Exception: if it is not there and this is CI, where nothing may be skipped.
    """
    path = shutil.which(name)
    if path is None:
        reason = f"no `{name}` on the path"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
