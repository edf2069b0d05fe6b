"""The cost of the machines of a plan."""

from dataclasses import dataclass

from benchmarks.capacity.plan import MONTH, Plan

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in any currency. The defaults are round numbers that show the computation, and nobody's offer.

    Attributes:
        vcpu_hour: of a processor for an hour.
        gib_hour: of a GiB of memory for an hour.
        gib_month: of a GiB on a disk or in a store for a month.
    """

    vcpu_hour: float = 0.04
    gib_hour: float = 0.005
    gib_month: float = 0.10


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of 1,000 hours: amounts of machines, and the sum of their prices.

    Attributes:
        vcpu_hours: the hours of processors.
        gib_hours: the hours of GiB of memory.
        gib_months: the months of GiB on disks.
        total: the sum.
    """

    vcpu_hours: float
    gib_hours: float
    gib_months: float
    total: float


def cost(machines: Plan, prices: Prices | None = None) -> Cost:
    """Compute the cost of 1,000 hours of live channels, or of recorded calls, on average over the month."""
    prices = prices or Prices()
    scale = 1000 / machines.hours
    vcpu_hours = scale * machines.vcpus
    gib_hours = scale * machines.memory / GIB
    gib_months = scale * (machines.database + machines.store) / GIB / MONTH
    total = vcpu_hours * prices.vcpu_hour + gib_hours * prices.gib_hour + gib_months * prices.gib_month
    return Cost(vcpu_hours, gib_hours, gib_months, total)
