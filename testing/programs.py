"""Find the Debian programs that some tests need. Without its program, a test is skipped; in CI it fails."""

import os
import shutil

import pytest


def program(name: str, path: str | None = None) -> str:
    """Find a program. `make test` installs missing programs if this is possible.

    Args:
        name: the name of the program.
        path: the folders to search, in the format of PATH. The default is PATH itself.

    Returns:
        The path of the program.

    Raises:
        pytest.skip.Exception: the program is missing.
        pytest.fail.Exception: the program is missing in CI, where a test must not be skipped.
    """
    found = shutil.which(name, path=path)
    if found is None:
        reason = f"no `{name}` on the path"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
