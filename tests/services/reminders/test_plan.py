"""When a reminder goes out: against a model that walks minute by minute; and who hears of it instead."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reminders.model import Policy, Quiet
from services.reminders.plan import after_quiet, goes_at, instead_of
from shared.ids import UserId
from tests.services.factories import LI, ZHAO

MINUTE = timedelta(minutes=1)
NEW_YORK, SHANGHAI, LORD_HOWE = "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"
NIGHT = Quiet(time(21), time(8))
ZONES = st.sampled_from([NEW_YORK, SHANGHAI, LORD_HOWE, "Europe/London", "Asia/Kathmandu"])
CLOCK = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
NEAR_CHANGES = st.sampled_from(
    [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC),
     datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)]
)  # fmt: skip
MOMENTS = st.builds(lambda day, minutes: day + minutes * MINUTE, NEAR_CHANGES, st.integers(0, 3 * 24 * 60))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shows(moment: datetime, zone: str) -> time:
    return moment.astimezone(ZoneInfo(zone)).time()


def is_quiet(at: time, quiet: Quiet | None) -> bool:
    if quiet is None or quiet.start == quiet.end:
        return False
    inside = quiet.start <= at < quiet.end
    return inside if quiet.start < quiet.end else not quiet.end <= at < quiet.start


@pytest.mark.parametrize(
    ("moment", "quiet", "zone", "end"),
    [
        ("2026-06-01T20:59:59+08:00", NIGHT, SHANGHAI, "2026-06-01T20:59:59+08:00"),
        ("2026-06-01T21:00:00+08:00", NIGHT, SHANGHAI, "2026-06-02T08:00:00+08:00"),
        ("2026-06-02T07:59:59+08:00", NIGHT, SHANGHAI, "2026-06-02T08:00:00+08:00"),
        ("2026-06-02T12:30:00+08:00", Quiet(time(12), time(14)), SHANGHAI, "2026-06-02T14:00:00+08:00"),
        ("2026-06-02T12:30:00+08:00", None, SHANGHAI, "2026-06-02T12:30:00+08:00"),
        ("2026-06-02T12:30:00+08:00", Quiet(time(9), time(9)), SHANGHAI, "2026-06-02T12:30:00+08:00"),
        ("2026-03-07T22:00:00-05:00", NIGHT, NEW_YORK, "2026-03-08T08:00:00-04:00"),
        ("2026-10-31T22:00:00-04:00", NIGHT, NEW_YORK, "2026-11-01T08:00:00-05:00"),
        ("2026-03-08T01:00:00-05:00", Quiet(time(0), time(2, 30)), NEW_YORK, "2026-03-08T03:00:00-04:00"),
        ("2026-11-01T00:30:00-04:00", Quiet(time(0), time(1, 30)), NEW_YORK, "2026-11-01T01:30:00-04:00"),
        ("2026-11-01T01:10:00-05:00", Quiet(time(0), time(1, 30)), NEW_YORK, "2026-11-01T01:30:00-05:00"),
    ],
)  # fmt: skip
def test_quiet_hours_end_by_the_clock_of_the_corp(moment: str, quiet: Quiet | None, zone: str, end: str) -> None:
    """Across midnight, at both ends, and on days on which clocks are changed (LOSS-4)."""
    assert after_quiet(utc(moment), quiet, zone) == utc(end)


@settings(max_examples=400, deadline=None)
@given(MOMENTS, st.integers(0, 59), st.builds(Quiet, CLOCK, CLOCK), ZONES)
def test_quiet_hours_end_at_the_first_moment_that_is_not_quiet(
    moment: datetime, second: int, quiet: Quiet, zone: str
) -> None:
    """As whoever looks at the clock every minute says, in any zone and on any day (LOSS-4)."""
    moment = moment.replace(second=second)
    expected = moment
    while is_quiet(shows(expected, zone), quiet):
        expected = expected.replace(second=0) + MINUTE
    assert after_quiet(moment, quiet, zone) == expected


@settings(max_examples=300, deadline=None)
@given(
    MOMENTS,
    st.integers(-300, 300),
    st.none() | st.integers(-300, 0),
    st.integers(0, 200),
    st.booleans(),
    st.none() | st.builds(Quiet, CLOCK, CLOCK),
    ZONES,
)
def test_a_reminder_goes_at_the_first_minute_at_which_nothing_speaks_against_it(
    now: datetime, fair: int, told: int | None, apart: int, urgent: bool, quiet: Quiet | None, zone: str
) -> None:
    """Meant to be sent by then, apart from the last of its kind, and not in quiet hours unless urgent (LOSS-4)."""
    fair_at = now + fair * MINUTE
    told_at = None if told is None else now + told * MINUTE

    def may_go(at: datetime) -> bool:
        early = at < fair_at or (told_at is not None and at < told_at + apart * MINUTE)
        return not early and (urgent or not is_quiet(shows(at, zone), quiet))

    expected = now
    while not may_go(expected):
        expected += MINUTE
    found = goes_at(fair_at, now=now, told_at=told_at, apart_s=apart * 60, urgent=urgent, quiet=quiet, timezone=zone)
    assert found == expected


WANG, BOSS = UserId("WangFang"), UserId("Boss")


@pytest.mark.parametrize(
    ("undeliverable", "superiors", "administrators", "groups"),
    [
        ("superior", {LI: (ZHAO,)}, (BOSS,), ((ZHAO,), (BOSS,))),
        ("superior", {}, (BOSS,), ((BOSS,),)),
        ("superior", {LI: (WANG,)}, (LI,), ()),
        ("administrators", {LI: (ZHAO,)}, (BOSS, WANG), ((BOSS,),)),
        ("nobody", {LI: (ZHAO,)}, (BOSS,), ()),
    ],
)
def test_the_superior_hears_of_it_else_the_administrators(undeliverable, superiors, administrators, groups) -> None:
    """As the policy says; never who cannot be reached, nor whose matter it is (LOSS-2)."""
    policy = Policy(undeliverable=undeliverable, administrators=administrators)
    assert instead_of(LI, WANG, policy, superiors) == groups
