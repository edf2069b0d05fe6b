"""The machines for a load: measure, compare with a simulation, and compute.

    python -m benchmarks.capacity measure [--quick] [--output FILE]
    python -m benchmarks.capacity compare [--seconds S] [--patience MINUTES]
        [--output FILE]
    python -m benchmarks.capacity targets [--measured FILE] [--output FILE]
    python -m benchmarks.capacity plan [--measured FILE] [--channels N …] [--hours H …]
        [--peak-to-mean P] [--utilization U] [--vcpu-hour PRICE] [--gib-hour PRICE] [--gib-month PRICE]
    python -m benchmarks.capacity page

- `measure` measures processor time, memory and database load on this machine, in about ten minutes.
- `compare` puts two and four replicas on this machine, and the simulation, under the same loads, in six
  minutes.
- `targets` simulates the latency of live calls at several utilizations.
- `plan` prints the machines for the loads of docs/capacity.md, or for other loads, utilizations and prices.
- `page` writes the tables of docs/capacity.md again, from the stored figures. Then read its prose again.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.files import write_whole
from benchmarks.capacity import compare, figures, tables, targets
from benchmarks.capacity.cost import Prices
from benchmarks.capacity.load import SIZES, Load, Setup
from benchmarks.capacity.measure import Size, measure
from benchmarks.serving import ROOT

PAGE = ROOT / "docs" / "capacity.md"
QUICK = Size(channels=8, seconds=14.0, calls=1, call_seconds=20.0, idle=5.0)
"""A run that shows whether everything works; its figures mean nothing."""


def main() -> int:
    """Run a verb of the command line.

    Returns:
        The exit status.
    """
    options = _parse(sys.argv[1:])
    run: Callable[[argparse.Namespace], None] = options.run
    run(options)
    return 0


def run_measure(options: argparse.Namespace) -> None:
    """Measure this machine."""
    figures.write(measure(QUICK if options.quick else Size()), options.output)


def run_compare(options: argparse.Namespace) -> None:
    """Compare real replicas with the simulation."""
    found = compare.compare(options.seconds, 60 * options.patience)
    compare.write(found, options.output)
    print(tables.comparison(found))


def run_targets(options: argparse.Namespace) -> None:
    """Simulate live calls."""
    measured = figures.read(options.measured)
    found = targets.targets(measured)
    targets.write(found, options.output)
    print(tables.utilizations(found))


def run_plan(options: argparse.Namespace) -> None:
    """Print the tables."""
    measured = figures.read(options.measured)
    loads: Sequence[Load] = [
        *(Load(f"{n:,} live channels", channels=n) for n in options.channels),
        *(Load(f"{hours:,.0f} recorded hours a month", hours=hours) for hours in options.hours),
    ]
    if options.peak_to_mean:
        loads = [Load(one.name, one.channels, one.hours, options.peak_to_mean) for one in loads or SIZES]
    setup = Setup(utilization=options.utilization)
    prices = Prices(options.vcpu_hour, options.gib_hour, options.gib_month)
    for text in (
        tables.sizes(measured, loads or SIZES, setup, prices),
        tables.limits(measured, loads or SIZES, setup),
    ):
        print(f"{text}\n")


def run_page(_: argparse.Namespace) -> None:
    """Write the tables of docs/capacity.md again, from the stored figures."""
    texts = tables.page(figures.read(), compare.read(), targets.read())
    write_whole(PAGE, tables.updated(PAGE.read_text(), texts).encode())


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description="Plan machines.")
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("measure", help="measure this machine")
    one.add_argument("--quick", action="store_true", help="only see whether everything works")
    one.add_argument("--output", type=Path, default=figures.MEASURED)
    one.set_defaults(run=run_measure)
    one = verbs.add_parser("compare", help="compare real replicas with the simulation")
    one.add_argument("--seconds", type=float, default=compare.SECONDS, help="the duration of each load")
    one.add_argument("--patience", type=float, default=0, help="minutes to wait until others are quiet")
    one.add_argument("--output", type=Path, default=compare.COMPARED)
    one.set_defaults(run=run_compare)
    one = verbs.add_parser("targets", help="simulate live calls at several utilizations")
    one.add_argument("--output", type=Path, default=targets.TARGETS)
    one.set_defaults(run=run_targets)
    one = verbs.add_parser("plan", help="print the machines for loads")
    one.add_argument("--channels", type=int, nargs="*", default=[], help="live channels at the busiest time")
    one.add_argument("--hours", type=float, nargs="*", default=[], help="recorded hours a month")
    one.add_argument("--peak-to-mean", type=float, help="the busiest time, relative to the mean (default: 2)")
    one.add_argument("--utilization", type=float, default=Setup().utilization)
    for price, unit in (
        ("vcpu-hour", "processor hour"),
        ("gib-hour", "GiB hour"),
        ("gib-month", "GiB month"),
    ):
        default = getattr(Prices(), price.replace("-", "_"))
        one.add_argument(f"--{price}", type=float, default=default, help=f"price of a {unit}")
    one.set_defaults(run=run_plan)
    for verb in ("targets", "plan"):
        verbs.choices[verb].add_argument("--measured", type=Path, default=figures.MEASURED)
    verbs.add_parser("page", help="write the tables of docs/capacity.md again").set_defaults(run=run_page)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
