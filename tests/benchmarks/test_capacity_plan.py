"""The plan grows with the load, and names the part that is too small first."""

import dataclasses

import pytest

from benchmarks.capacity import tables
from benchmarks.capacity.compare import read as read_comparison
from benchmarks.capacity.cost import Prices, cost
from benchmarks.capacity.figures import Measured, read, write
from benchmarks.capacity.load import SIZES, Load, Setup
from benchmarks.capacity.plan import TooManyJobs, channels_per_replica, plan
from benchmarks.capacity.targets import WITHIN
from benchmarks.capacity.targets import read as read_targets
from testing.recordings import ROOT

PAGE = (ROOT / "docs" / "capacity.md").read_text()
MILLION = Load("jobs", hours=1_000_000)


@pytest.fixture(scope="module")
def measured() -> Measured:
    return read()


def channels(number: int) -> Load:
    return Load("live", channels=number)


def with_live(measured: Measured, first: float, workers: float) -> Measured:
    live = dataclasses.replace(measured.relayed, first=first, workers=workers)
    return dataclasses.replace(measured, relayed=live)


def test_twice_the_channels_need_twice_the_replicas_and_cost_the_same_each(measured: Measured) -> None:
    one, two = plan(measured, channels(20_000)), plan(measured, channels(40_000))
    assert two.replicas == pytest.approx(2 * one.replicas, abs=1)
    assert two.commits == pytest.approx(2 * one.commits, rel=0.01)
    assert cost(two).total == pytest.approx(cost(one).total, rel=0.01)


def test_twice_the_recorded_hours_need_more_than_twice_the_workers(measured: Measured) -> None:
    one, two = plan(measured, MILLION), plan(measured, Load("jobs", hours=2_000_000))
    # Each worker reads the ended jobs of all.
    assert 2 * one.workers <= two.workers < 2.5 * one.workers


def test_replicas_use_no_more_of_their_processors_than_the_utilization(measured: Measured) -> None:
    setup = Setup(utilization=0.5)
    one = plan(measured, channels(10_000), setup)
    used = 10_000 * (measured.relayed.first + measured.relayed.workers)
    assert used <= 0.5 * one.service_vcpus
    assert plan(measured, channels(10_000), Setup(utilization=0.25)).replicas >= 2 * one.replicas - 1


def test_a_replica_is_limited_by_its_event_loop_or_by_its_processors(measured: Measured) -> None:
    loop = with_live(measured, first=0.010, workers=0.002)
    assert channels_per_replica(loop, Setup(utilization=0.6)) == (60, "event loop")
    processors = with_live(measured, first=0.002, workers=0.010)
    assert channels_per_replica(processors, Setup(utilization=0.6)) == (100, "processors")


def test_the_bottleneck_moves_when_its_setting_is_raised(measured: Measured) -> None:
    one = plan(measured, channels(10_000))
    assert one.bottleneck.name in {"connections of nginx", "processor of nginx"}
    larger = Setup(balancer_connections=10**6, balancer_processes=1000)
    assert plan(measured, channels(10_000), larger).bottleneck.name == "connections of PostgreSQL"
    larger = dataclasses.replace(larger, max_connections=10**6)
    assert not plan(measured, channels(10_000), larger).bottleneck.is_setting


def test_a_part_is_full_when_its_need_is_its_capacity(measured: Measured) -> None:
    (limit,) = [one for one in plan(measured, channels(1024)).limits if one.name == "connections of nginx"]
    assert limit.ratio == 1


def test_too_many_jobs_for_one_database_are_refused(measured: Measured) -> None:
    with pytest.raises(TooManyJobs, match="Divide the load into several sites"):
        plan(measured, Load("jobs", hours=1e9))


def test_the_cost_is_the_sum_of_amounts_and_prices(measured: Measured) -> None:
    machines = plan(measured, MILLION)
    one = cost(machines, Prices(1, 0, 0))
    assert one.total == one.vcpu_hours == pytest.approx(machines.vcpus * 730 / 1000)
    two = cost(machines, Prices(0, 2, 3))
    assert two.total == pytest.approx(2 * two.gib_hours + 3 * two.gib_months)
    idle = cost(plan(measured, dataclasses.replace(MILLION, peak_to_mean=4.0)))
    assert idle.total == pytest.approx(2 * cost(machines).total, rel=0.1)


def test_figures_survive_their_file(measured: Measured, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("capacity") / "measured.json"
    write(measured, path)
    assert read(path) == measured


def test_the_page_has_the_tables_of_the_script(measured: Measured) -> None:
    texts = tables.page(measured, read_comparison(), read_targets())
    missing = [text for text in texts if text not in PAGE]
    assert not missing, "docs/capacity.md is older than its figures: `python -m benchmarks.capacity page`"


def test_a_new_table_takes_the_place_of_the_old_one() -> None:
    old, new = tables.table(["a", "b"], [["1", "2"]]), tables.table(["a", "b"], [["3", "4"], ["5", "6"]])
    assert tables.updated(f"Before\n\n{old}\n\nAfter\n", [new]) == f"Before\n\n{new}\n\nAfter\n"
    with pytest.raises(ValueError, match="no table that begins with"):
        tables.updated("Before", [new])


def test_the_page_names_the_measured_machine(measured: Measured) -> None:
    assert measured.machine in PAGE
    assert measured.date in PAGE
    assert [load.name for load in SIZES if load.name not in PAGE] == []


def test_the_channels_of_a_planned_replica_leave_time_for_slow_processors(measured: Measured) -> None:
    n_channels, _ = channels_per_replica(measured, Setup())
    (planned,) = [one for one in read_targets() if one.channels == n_channels]
    assert max(planned.p99, planned.p99_slower) < WITHIN
    more = [one for one in read_targets() if one.channels > n_channels]
    assert more[0].p99_slower > WITHIN
