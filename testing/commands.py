"""Run a command of the program in the process of the tests.

A process of its own costs a second for its imports, and another for those of its fork server. The fork server
of this process starts once, and then serves all commands.
"""

import contextlib
import io
import signal
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from app.__main__ import main
from testing.recordings import ROOT


def run_here(environment: Mapping[str, str], *arguments: str | Path) -> CompletedProcess[str]:
    """Run `python -m app` with these arguments and environment variables, without a process of its own."""
    texts = [*map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.chdir(ROOT)
        # The command sets this variable for the fork server. It must not outlive the command.
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        for name, value in environment.items():
            patch.setenv(name, value)
        handler = signal.getsignal(signal.SIGTERM)
        try:
            status = main(texts)
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
        finally:
            signal.signal(signal.SIGTERM, handler)  # the service installs its own
    return CompletedProcess(texts, status, out.getvalue(), err.getvalue())
