"""A year of SOPs until they reach the phones: each step once, at its minute, in its words, none lost (SOP-6, G5).

Against a reading of its own (sop_year.py): quiet hours of the corp and of associates, holidays, pace, edits, stops,
exits, confirmations, other associates, notifiers that pause, are killed or leave leases behind, and new processes.
"""

from datetime import datetime, timedelta

import pytest

from tests.notifier.desk import Desk
from tests.notifier.sop_year import MINUTE, STAFF, START, Year

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
Doing = tuple[datetime, str, str, tuple[int, ...]]


def doings(year: Year, *, days: int, minutes: int) -> list[Doing]:
    """Who comes in when, many at the same minute, so that time stands still at some thousand; and what people do."""
    chance = year.chance
    found: list[Doing] = []
    for kind in year.plans:
        moments = [START + chance.randrange(1, max(3, days - 45) * 1440) * MINUTE for _ in range(minutes)]
        some: dict[datetime, list[int]] = {}
        for n, one in enumerate(year.ids):  # a seventh at one minute: more than a phone takes at once
            some.setdefault(moments[0] if n % 7 == 0 else chance.choice(moments), []).append(one)
        found += [(moment, "come", kind, tuple(people)) for moment, people in some.items()]

    def at(day: int, clock: timedelta) -> datetime:
        return START + day * DAY + clock  # it begins at midnight

    night = HOUR + 30 * MINUTE + MINUTE / 2
    for day in range(1, days - 2):
        if day % 2:
            found.append((at(day, night), "confirm", "", ()))
        else:
            found.append((at(day, night), "leave", chance.choice("ab"), ()))
            found.append((at(day, chance.randrange(1440) * MINUTE + MINUTE / 4), "leave", chance.choice("abc"), ()))
            found.append((at(day, chance.randrange(1440) * MINUTE + MINUTE / 4), "reassign", "", ()))
        if day % 30 == 10:
            found.append((at(day, chance.randrange(1440) * MINUTE + MINUTE / 4), "edit", chance.choice("abc"), ()))
        if day % 60 == 14:
            kind = chance.choice("abc")
            found.append((at(day, night), "stop", kind, ()))
            found.append((at(day, night) + 30 * HOUR, "resume", kind, ()))
        if day % 90 == 17:
            year.reading.pauses.append((at(day, 9 * HOUR), at(day, 12 * HOUR)))
            found.append((at(day, 12 * HOUR), "wake", "", ()))
    return sorted(found)


def do(year: Year, what: str, kind: str) -> None:
    match what:
        case "confirm":
            year.confirm_one_that_waits()
        case "reassign":
            year.reassign(year.chance.choice(year.ids), year.chance.choice(STAFF))
        case "leave":
            year.leave(kind)
        case "edit":
            year.edit(kind)
        case "stop":
            year.stop(kind)
        case "resume":
            year.resume(kind)


def live(year: Year, *, days: int, minutes: int, kills: int) -> int:
    """Time goes from one moment at which something is to happen to the next."""
    end, todo = START + days * DAY, doings(year, days=days, minutes=minutes)
    killing = set(year.chance.sample(range(minutes * 12), kills))
    rounds = 0
    while moment := _next(year, todo, end):
        year.at(moment)
        now: list[Doing] = []
        while todo and todo[0][0] <= moment:
            now.append(todo.pop(0))
        for _, what, kind, people in now:
            if what == "come":
                year.come(kind, *people)
        year.look()
        if not any(start <= moment < until for start, until in year.reading.pauses):
            if rounds in killing:
                year.chance.choice((year.abandon, year.die))()
            year.deliver()
        for _, what, kind, _ in now:
            do(year, what, kind)
        rounds += 1
        if rounds % 200 == 0:
            year.restart()
    year.at(end)
    year.look()
    year.deliver()
    return year.compare()


def _next(year: Year, todo: list[Doing], end: datetime) -> datetime | None:
    moments = [todo[0][0]] if todo else []
    if due := year.reading.next_due():
        moments.append(due)
    paused = next((until for start, until in year.reading.pauses if start <= year.now < until), year.now)
    if message := year.next_message():
        moments.append(max(message, paused, year.now + timedelta(seconds=1)))
    found = min(moments, default=end)
    return found if found < end else None


def test_three_weeks_of_sops_arrive(desk: Desk):
    """The year in small, for every run of the suite (SOP-6)."""
    year = Year(desk, 12, seed=1)
    assert live(year, days=21, minutes=1, kills=2) > 100


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_year_of_sops_arrives(desk: Desk):
    """2,000 customers, three rules of six steps (SOP-6)."""
    year = Year(desk, 2000, seed=2)
    assert live(year, days=365, minutes=90, kills=60) > 30_000
    assert len(year.hit) > 20
    assert year.crowded_count > 10  # more at once than a phone takes
