"""A harness under libFuzzer, until the time is over or an input crashes it. `python -m fuzz` starts it.

python -m fuzz.engine NAME [OPTION of libFuzzer…] CORPUS
"""

import sys

import atheris

from fuzz.harness import execute, load

INSTRUMENTED = ["app", "fuzz", "python_multipart", "starlette"]
"""The packages whose coverage guides the fuzzer. Native code gives no coverage."""


def main() -> None:
    """Run the harness. libFuzzer ends the process."""
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):
        harness = load(name)
    atheris.Setup([sys.argv[0], *arguments], lambda data: execute(harness, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
