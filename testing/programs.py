"""Debian's programs that some tests need: a test is skipped where there is none, but fails in CI."""

import os
import shutil

import pytest


def program(name: str, path: str | None = None) -> str:
    """Find a program, which `make test` installs where it may.

    Args:
        name: of the program.
        path: folders to look in, in the place of those on the path.

    Returns:
        Its path.

    Raises:
        pytest.skip.Exception: if it is not there.
        pytest.fail.Exception: if it is not there and this is CI, where nothing may be skipped.
    """
    found = shutil.which(name, path=path)
    if found is None:
        reason = f"no `{name}` on the path"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
