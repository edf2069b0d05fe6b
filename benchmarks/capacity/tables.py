"""The tables of docs/capacity.md."""

from collections.abc import Callable, Sequence

from benchmarks.capacity.compare import Comparison
from benchmarks.capacity.cost import GIB, Prices, cost
from benchmarks.capacity.figures import Live, Measured
from benchmarks.capacity.load import SIZES, Load, Setup
from benchmarks.capacity.plan import PASS, Limit, Plan, plan
from benchmarks.capacity.targets import Target

MEGABIT = 1e6
MILLI = 1e-3


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def page(measured: Measured, found: Sequence[Comparison], targets: Sequence[Target]) -> list[str]:
    """Return all tables of the page, in its order."""
    plans = [sizes(measured), limits(measured)]
    figures = [costs(measured), job_costs(measured), notified(measured)]
    return [*plans, utilizations(targets), *figures, comparison(found)]


def updated(text: str, tables: Sequence[str]) -> str:
    """Replace the tables of a page by new ones with the same first line.

    Raises:
        ValueError: the page has no such table.
    """
    for new in tables:
        head = new.splitlines()[0]
        before, found, rest = text.partition(head)
        if not found:
            raise ValueError(f"docs/capacity.md has no table that begins with {head}. Insert its first line.")
        text = before + new + "\n\n" + rest.partition("\n\n")[2]
    return text


def sizes(
    measured: Measured,
    loads: Sequence[Load] = SIZES,
    setup: Setup | None = None,
    prices: Prices | None = None,
) -> str:
    """Return the machines for each load."""
    plans = [plan(measured, load, setup) for load in loads]
    costs = [cost(one, prices) for one in plans]
    rows: list[tuple[str, Callable[[Plan], str]]] = [
        ("live channels of a replica, limited by", _per_replica),
        ("replicas, two workers each", lambda one: f"{one.replicas:,}"),
        ("job workers, two workers each", lambda one: f"{one.workers:,}"),
        ("processors: services and job workers", lambda one: f"{one.service_vcpus:,}"),
        ("processors: nginx", lambda one: _amount(one.balancer_vcpus)),
        ("processors: PostgreSQL", lambda one: _amount(one.database_vcpus)),
        ("memory: services and job workers", lambda one: f"{one.memory / GIB:,.0f} GiB"),
        ("PostgreSQL: transactions a second", lambda one: f"{one.commits:,.0f}"),
        ("PostgreSQL: connections", lambda one: f"{one.connections:,}"),
        ("PostgreSQL: results", lambda one: _bytes(one.database)),
        ("store, after 10 min without job workers", lambda one: _bytes(one.store)),
        ("network, incoming", lambda one: f"{one.network / MEGABIT:,.0f} Mbit/s"),
    ]
    lines = [[name, *(show(one) for one in plans)] for name, show in rows]
    lines += [
        ["1,000 hours: processor hours", *(f"{one.vcpu_hours:,.1f}" for one in costs)],
        ["1,000 hours: GiB hours of memory", *(f"{one.gib_hours:,.1f}" for one in costs)],
        ["1,000 hours: GiB months of disk", *(f"{one.gib_months:,.2f}" for one in costs)],
        ["1,000 hours, example prices", *(f"{one.total:,.2f}" for one in costs)],
        ["first bottleneck, as shipped", *(_share(one.bottleneck) for one in plans)],
        ["what to do", *(one.bottleneck.remedy for one in plans)],
        ["first bottleneck with larger settings", *(_share(one.hard_bottleneck) for one in plans)],
        ["what to do", *(one.hard_bottleneck.remedy for one in plans)],
    ]
    return table(["", *(load.name for load in loads)], lines)


def limits(measured: Measured, loads: Sequence[Load] = SIZES, setup: Setup | None = None) -> str:
    """Return the need of each load, relative to the parts that do not grow with the number of replicas."""
    plans = [plan(measured, load, setup) for load in loads]
    found = [{limit.name: limit for limit in one.limits} for one in plans]
    rows = [
        [name, f"{found[0][name].remedy}", *(_ratio(limits[name].ratio) for limits in found)]
        for name in sorted(found[0])
    ]
    return table(["part", "remedy", *(load.name for load in loads)], rows)


def costs(measured: Measured) -> str:
    """Return the measured processor times and memory."""
    live: list[tuple[str, Callable[[Live], str]]] = [
        ("first process, ms for a second of a channel", lambda one: f"{one.first / MILLI:.1f}"),
        ("workers", lambda one: f"{one.workers / MILLI:.1f}"),
        ("nginx", lambda one: f"{one.balancer / MILLI:.2f}"),
        ("PostgreSQL", lambda one: f"{one.database / MILLI:.2f}"),
        ("transactions for a second of a channel", lambda one: f"{one.commits:.2f}"),
        ("segments and interim answers for a second of a channel", lambda one: f"{one.tasks:.2f}"),
        ("memory of a channel", lambda one: f"{one.memory / 2**10:,.0f} KiB"),
    ]
    pair = (measured.alone, measured.relayed)
    head = ["live channels", "alone", "with PostgreSQL"]
    return table(head, [[name, *(show(one) for one in pair)] for name, show in live])


def job_costs(measured: Measured) -> str:
    """Return the measured cost of jobs."""
    recorded, service, worker, kept = measured.recorded, measured.service, measured.worker, measured.kept
    rows = [
        ["processor time of the service, for an hour of stereo calls", f"{recorded.service:.1f} s"],
        ["of the job worker", f"{recorded.worker:.1f} s"],
        ["of PostgreSQL", f"{recorded.database:.1f} s"],
        ["transactions for a call of ten minutes", f"{recorded.commits:.0f}"],
        ["a call of ten minutes in the store", _bytes(recorded.recording)],
        ["its result in PostgreSQL", _bytes(recorded.rows)],
        ["an idle service, in a second", _idle(service.seconds, service.database, service.commits)],
        ["an idle job worker, in a second", _idle(worker.seconds, worker.database, worker.commits)],
        [
            "connections of a service and of a job worker",
            f"{service.connections} and {worker.connections}",
        ],
        [
            "memory of a service and of a job worker, two workers each",
            f"{service.memory / 2**20:.0f} and {worker.memory / 2**20:.0f} MiB",
        ],
        [
            "1,000 jobs that ended in the last five minutes, for each job worker, in a second",
            _both(1e3 * kept.recent_worker / PASS, 1e3 * kept.recent_database / PASS),
        ],
        [
            "100,000 older ended jobs, for each job worker, in a second",
            _both(1e5 * kept.old_worker / PASS, 1e5 * kept.old_database / PASS),
        ],
        [
            "100,000 ended jobs, for each new job and each read of `/metrics`",
            f"PostgreSQL {1e5 * kept.count_database / MILLI:.0f} ms",
        ],
    ]
    return table(["jobs", "measured"], rows)


def notified(measured: Measured) -> str:
    """Return the measured transactions of PostgreSQL that announce a message."""
    rates = measured.notified
    row = ["messages stored and announced in a second", *(f"{rate:,.0f}" for rate in rates.values())]
    return table(["connections", *rates], [row])


def comparison(found: Sequence[Comparison]) -> str:
    """Return the measured and the simulated load of two and four replicas."""
    rows = []
    for one in found:
        real, model = one.measured, one.simulated
        rows.append(
            [
                *(str(real.replicas), f"{real.load:.0%}", f"{real.rate:.1f}", f"{real.others:.2f}"),
                *(f"{real.throughput:.1f}", f"{model.throughput:.1f}"),
                *(f"{_ms(real.p50)}", f"{_ms(model.p50)}"),
                *(f"{_ms(real.p95)}", f"{_ms(model.p95)}"),
                *(f"{real.refused:.1%}", f"{model.refused:.1%}"),
            ]
        )
    head = ["replicas", "load", "requests a second", "processors of others", "answers a second", "simulated"]
    head += ["p50", "simulated", "p95", "simulated", "refused", "simulated"]
    return table(head, rows)


def utilizations(found: Sequence[Target]) -> str:
    """Return the simulated latency of segments at each utilization."""
    rows = [
        [
            *(f"{one.utilization:.0%}", str(one.channels)),
            *(_ms(one.p50), _ms(one.p95), _ms(one.p99), _ms(one.p99_slower)),
        ]
        for one in found
    ]
    head = [
        "utilization",
        "channels of a replica",
        "p50",
        "p95",
        "p99",
        "p99 if the processors are a third slower",
    ]
    return table(head, rows)


def _per_replica(one: Plan) -> str:
    return f"{one.channels_per_replica}, {one.bound}" if one.load.channels else "–"


def _amount(processors: float) -> str:
    return f"{processors:,.0f}" if processors >= 10 else f"{processors:.1f}"  # noqa: PLR2004


def _bytes(amount: float) -> str:
    if not amount:
        return "–"
    for unit, size in (("GiB", GIB), ("MiB", 2**20)):
        if amount >= size:
            return f"{amount / size:,.1f} {unit}"
    return f"{amount / 2**10:,.0f} KiB"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms"


def _both(worker: float, database: float) -> str:
    return f"{worker / MILLI:.1f} ms, PostgreSQL {database / MILLI:.1f} ms"


def _idle(seconds: float, database: float, commits: float) -> str:
    return f"{seconds / MILLI:.0f} ms, PostgreSQL {database / MILLI:.0f} ms, {commits:.1f} transactions"


def _share(limit: Limit) -> str:
    return f"{limit.name}: {_ratio(limit.ratio)}"


def _ratio(ratio: float) -> str:
    """Format a ratio in percent, in bold if the part is too small."""
    text = f"{ratio:,.0%}"
    return f"**{text}**" if ratio > 1 else text
