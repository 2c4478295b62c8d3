"""Full passes start by the clock of each corp, once, whoever rings how often."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import ValidationError

from commands.demo_corp import CORP_ID, record_demo_corp
from shared.clock import EPOCH, FixedClock, from_unix
from shared.db.engine import run
from shared.ids import UserId
from shared.settings import Settings
from shared.sync_runs import RESOURCES, open_runs
from shared.sync_times import hold_live_corps
from sync_worker.calendar import delay_of, is_due, next_start
from sync_worker.schedule import BELLS
from sync_worker.timetable import PassAges, open_due_passes
from tests.sync_worker.conftest import Office

NIGHTLY = "17 1 * * *"
BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
NONE = timedelta()
moments = st.integers(1_700_000_000, 1_900_000_000).map(from_unix)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "start"),
    [
        (NIGHTLY, SHANGHAI, "2026-11-22T12:00+00:00", "2026-11-22T17:17+00:00"),
        (NIGHTLY, SHANGHAI, "2026-11-22T17:16:59+00:00", "2026-11-22T17:17+00:00"),
        (NIGHTLY, SHANGHAI, "2026-11-22T17:17+00:00", "2026-11-23T17:17+00:00"),
        ("30 2 * * *", BERLIN, "2026-03-28T12:00+00:00", "2026-03-29T01:30+00:00"),  # 02:30 is skipped: 03:30
        ("30 2 * * *", BERLIN, "2026-10-24T12:00+00:00", "2026-10-25T00:30+00:00"),  # the first 02:30 of two
        ("30 2 * * *", BERLIN, "2026-10-25T00:30+00:00", "2026-10-26T01:30+00:00"),  # and not the second
        ("0 3 * * 1", BERLIN, "2026-11-22T12:00+00:00", "2026-11-23T02:00+00:00"),
    ],
)
def test_the_next_start_in_the_corps_own_time(cron: str, zone: ZoneInfo, after: str, start: str) -> None:
    """Daylight saving neither skips a night nor doubles one."""
    found = next_start(cron, zone, delay=NONE, after=datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(start)


@given(after=moments, delay_s=st.integers(0, 7200), zone=st.sampled_from([BERLIN, SHANGHAI, ZoneInfo("UTC")]))
def test_a_night_has_one_start(after: datetime, delay_s: int, zone: ZoneInfo) -> None:
    """The next start is later, at most a day and an hour away, and not the one that has just been."""
    delay = timedelta(seconds=delay_s)
    first = next_start(NIGHTLY, zone, delay=delay, after=after)
    second = next_start(NIGHTLY, zone, delay=delay, after=first)
    assert after < first <= after + timedelta(hours=25)
    assert timedelta(hours=23) <= second - first <= timedelta(hours=25)


def test_corps_start_at_different_times_each_always_at_the_same() -> None:
    """Spread over the hour, so that many corps do not all call WeCom at once."""
    delays = {corp: delay_of(corp, 3600) for corp in (f"ww{n}" for n in range(200))}
    assert delays == {corp: delay_of(corp, 3600) for corp in delays}
    assert all(NONE <= delay <= timedelta(hours=1) for delay in delays.values())
    assert len({delay // timedelta(minutes=6) for delay in delays.values()}) >= 10


def test_a_clock_that_was_ahead_stops_nothing() -> None:
    """A pass that ended "in the future" counts as just ended: it neither starts one nor keeps the corp waiting."""
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ahead = now + timedelta(days=400)
    assert not is_due(NIGHTLY, SHANGHAI, delay=NONE, last=ahead, now=now)
    assert next_start(NIGHTLY, SHANGHAI, delay=NONE, after=min(ahead, now)) < now + timedelta(days=1)


@pytest.mark.parametrize("cron", ["off", ""])
def test_the_schedule_can_be_switched_off(cron: str) -> None:
    """Whoever starts passes by other means wants none."""
    chosen = Settings(_env_file=None, resync_cron=cron).resync_cron
    assert not is_due(chosen, SHANGHAI, delay=NONE, last=EPOCH, now=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("cron", ["nightly", "99 1 * * *", "0 0 31 2 *"])
def test_a_cron_that_never_comes_true_fails_at_start(cron: str) -> None:
    """With the setting's name and the reason."""
    with pytest.raises(ValidationError, match="resync_cron"):
        Settings(_env_file=None, resync_cron=cron)


@pytest.fixture
def night(make_office: Callable[..., Office]) -> tuple[Office, FixedClock]:
    """A live corp, at noon in China, a whole night and more after its first sync, whatever the time is now."""
    made = make_office(resync_jitter_s=0)
    record_demo_corp(made.runtime)
    made.walk()
    clock = FixedClock(datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0) + timedelta(days=2))
    made.move_clock(clock)
    end_passes(made)
    open_due_passes(made.runtime)
    end_passes(made)
    return made, clock


def end_passes(office: Office) -> None:
    """All that are open are done now; what they do is no matter here."""
    with office.runtime.engine.begin() as connection:
        run(
            connection,
            "update sync_run set state = 'done', finished_at = :now where finished_at is null",
            now=office.runtime.clock.now(),
        )


def opened(office: Office) -> list[tuple[Any, ...]]:
    return office.rows("select resource, asked_by from sync_run where kind = 'resync' order by id")


def test_a_corps_passes_are_opened_once_a_night(night: tuple[Office, FixedClock]) -> None:
    """At their time, all four, and not again while they run nor after they ended."""
    office, clock = night
    before = len(opened(office))
    clock.advance(13 * 3600)  # 01:00 in China
    assert open_due_passes(office.runtime) == 0
    clock.advance(17 * 60)
    assert open_due_passes(office.runtime) == 4
    assert open_due_passes(office.runtime) == 0
    end_passes(office)
    clock.advance(3600)
    assert open_due_passes(office.runtime) == 0
    assert opened(office)[before:] == [(one, "schedule") for one in RESOURCES]


def test_a_machine_that_was_off_catches_up_once(night: tuple[Office, FixedClock]) -> None:
    """Three nights missed are one pass now, and the next at its time."""
    office, clock = night
    clock.advance(3 * 86_400)
    assert open_due_passes(office.runtime) == 4
    end_passes(office)
    assert open_due_passes(office.runtime) == 0
    clock.advance(86_400)
    assert open_due_passes(office.runtime) == 4


def test_two_schedulers_at_once_open_each_pass_once(night: tuple[Office, FixedClock]) -> None:
    """Rows decide, not who rings."""
    office, clock = night
    before = len(opened(office))
    clock.advance(86_400)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_due_passes(office.runtime), range(16)))
    assert sum(found) == 4
    assert len(opened(office)) - before == 4


def test_while_one_decides_another_leaves_the_corp_to_it(night: tuple[Office, FixedClock]) -> None:
    """Who decided slowly would open a pass again that has been opened and has ended meanwhile."""
    office, clock = night
    clock.advance(86_400)
    with office.runtime.engine.begin() as connection:
        assert hold_live_corps(connection) == [office.tenant.id]
        assert open_due_passes(office.runtime) == 0
    assert open_due_passes(office.runtime) == 4


def test_a_pass_under_way_or_just_over_serves_the_night(night: tuple[Office, FixedClock]) -> None:
    """Who resyncs by hand at the time gets no second pass right behind; a part of a pass is none."""
    office, clock = night
    clock.advance(86_400)
    with office.runtime.engine.begin() as connection:
        now = clock.now()
        open_runs(connection, office.tenant.id, resources=["external_contact"], asked_by="operator", now=now)
        open_runs(connection, office.tenant.id, resources=["group_chat"], scope=[UserId("LiNa")], now=now)
    assert open_due_passes(office.runtime) == 3
    clock.advance(3600)
    end_passes(office)
    assert open_due_passes(office.runtime) == 0


def test_a_corp_in_its_first_sync_is_left_alone(make_office: Callable[..., Office]) -> None:
    """Only live corps have passes by the clock."""
    office = make_office(resync_cron="* * * * *", resync_jitter_s=0)
    record_demo_corp(office.runtime)
    assert open_due_passes(office.runtime) == 0


def test_the_age_of_the_last_complete_pass_is_measured(night: tuple[Office, FixedClock]) -> None:
    """Per corp and resource; a pass that was cancelled, failed or incomplete is none."""
    office, clock = night
    clock.advance(3600)
    with office.runtime.engine.begin() as connection:
        open_runs(connection, office.tenant.id, resources=["tag", "directory"], now=clock.now())
    end_passes(office)
    with office.runtime.engine.begin() as connection:
        sql = "update sync_run set state = 'failed' where resource = 'tag' and finished_at = :now"
        assert run(connection, sql, now=clock.now()) == 1
    clock.advance(3600)
    registry = CollectorRegistry()
    registry.register(PassAges(office.runtime))
    text = generate_latest(registry).decode()
    ages = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("guanxi_resync_age_seconds{"))
    names = {resource: f'guanxi_resync_age_seconds{{corp="{CORP_ID}",resource="{resource}"}}' for resource in RESOURCES}
    assert float(ages[names["directory"]]) == 3600
    assert float(ages[names["tag"]]) == 7200


def test_every_bell_rings_a_job_that_takes_nothing() -> None:
    """A wake-up carries no work."""
    assert {job.__name__ for job, _ in BELLS} == {"sweep", "open_passes", "housekeep", "check_drift"}
    assert all(job.__code__.co_argcount == 0 for job, _ in BELLS)
