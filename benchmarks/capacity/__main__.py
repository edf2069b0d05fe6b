"""The machines for a load: measure, compute, and check against real replicas.

python -m benchmarks.capacity measure [--quick] [--output FILE]
"""

import argparse
import sys
from pathlib import Path

from benchmarks.capacity.figures import MEASURED, write
from benchmarks.capacity.measure import Size, measure

QUICK = Size(channels=8, seconds=14.0, calls=1, requests=12, idle=5.0)
"""A run that shows whether everything works; its figures mean nothing."""


def main() -> int:
    """Run a verb of the command line.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("measure", help="measure this machine")
    one.add_argument("--quick", action="store_true", help="a minute, to see whether everything works")
    one.add_argument("--output", type=Path, default=MEASURED)
    options = parser.parse_args()
    write(measure(QUICK if options.quick else Size()), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
