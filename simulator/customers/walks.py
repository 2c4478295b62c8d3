"""Walks over the relations of many members, page by page, while people go on changing them.

A live walk goes once around each member's relations, in the order of their keys, from a place that is drawn anew
for every walk. It remembers only where it is, so a page costs the same in a corp of a million customers. A row
that is added behind it is missed; one that is deleted ahead is not met; with the setting `reorder`, a row that
is edited gets a new key, so it can be met twice or not at all. A snapshot is the list as it was at the first page.
"""

import random
import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from simulator.api import cursors
from simulator.api.calls import Call
from simulator.customers.book import CustomerBook, Snapshot
from simulator.customers.reading import readable, served
from simulator.customers.settings import REORDER, SNAPSHOT, CustomerSettings
from simulator.errors import ApiError
from simulator.records import Corp, Member, Pair
from simulator.world import World


class Place(NamedTuple):
    """Behind key `after` of the `number`th member; the round began at `pivot` and may have passed the end."""

    walk: str
    number: int = 0
    pivot: str = ""
    wrapped: int = 0
    after: str = ""


@dataclass(frozen=True)
class Asked:
    limit: int
    cursor: Any
    bound_to: str


Rows = Iterable[tuple[cursors.Position, Pair]]


def page(call: Call, members: list[Member | None], asked: Asked) -> tuple[list[Pair], str]:
    """The next rows and the cursor behind them; ApiError 50100 when the cursor is none, or too old."""
    numbers, now = call.settings(CustomerSettings), call.world.now()
    if asked.cursor:
        here = cursors.unseal(asked.cursor, bound_to=asked.bound_to, now=now, life_s=numbers.cursor_life_s)
    else:
        here = _first(call, members, numbers)
    kept = call.book(CustomerBook).snapshots.get(str(here[0]))
    if kept is None and len(here) != len(Place._fields):
        raise ApiError(50100)
    rows = _kept(call, here, kept) if kept else _live(call, members, Place(*here))  # type: ignore[arg-type]
    found, place = _cut(rows, here, limit=asked.limit, numbers=numbers)
    return found, cursors.seal(place, bound_to=asked.bound_to, now=now) if place else ""


def _first(call: Call, members: list[Member | None], numbers: CustomerSettings) -> cursors.Position:
    """Where a new walk begins: its name decides its order."""
    book = call.book(CustomerBook)
    book.walks += 1
    walk = f"{numbers.seed}-{book.walks}" if numbers.seed else secrets.token_hex(6)
    if numbers.walk != SNAPSHOT:
        return [*Place(walk)]
    pairs = [pair for _, pair in _live(call, members, Place(walk))]
    book.keep(walk, Snapshot(call.world.now(), pairs))
    return [walk, 0]


def _cut(
    rows: Rows, here: cursors.Position, *, limit: int, numbers: CustomerSettings
) -> tuple[list[Pair], cursors.Position | None]:
    """Up to `limit` rows and the place behind them, None when the walk is over."""
    dice = random.Random(f"{here}")
    wanted = dice.randint(1, limit) if dice.random() < numbers.short_page else limit
    found: list[Pair] = []
    last = here
    for place, pair in rows:
        if len(found) == wanted:
            return found, last
        found.append(pair)
        last = place
    return found, last if found and dice.random() < numbers.empty_last_page else None


def _kept(call: Call, here: cursors.Position, kept: Snapshot) -> Rows:
    for number in range(int(here[1]), len(kept.pairs)):
        if served(call, kept.pairs[number]):
            yield [here[0], number + 1], kept.pairs[number]


def _live(call: Call, members: list[Member | None], here: Place) -> Rows:
    shift = random.Random(here.walk).randrange(len(members)) if members else 0
    for number in range(here.number, len(members)):
        member = members[(number + shift) % len(members)]
        keys = member.ordered() if member is not None and member.serves_customers else []
        if member is None or not keys:
            continue
        at = here if number == here.number and here.pivot else _entry(keys, here.walk, number)
        for wrapped, key in _around(keys, at):
            pair = member.pair_at(key)
            if readable(call, pair):
                yield [*Place(here.walk, number, at.pivot, wrapped, key)], pair


def _entry(keys: list[str], walk: str, number: int) -> Place:
    return Place(walk, number, keys[random.Random(f"{walk}|{number}").randrange(len(keys))])


def _around(keys: list[str], at: Place) -> Iterator[tuple[int, str]]:
    """The keys beyond a place: from the pivot to the end, then from the beginning to the pivot."""
    passed = bisect_right(keys, at.after) if at.after else 0
    if not at.wrapped:
        for position in range(passed if at.after else bisect_left(keys, at.pivot), len(keys)):
            yield 0, keys[position]
        passed = 0
    for position in range(passed, bisect_left(keys, at.pivot)):
        yield 1, keys[position]


def edited(world: World, corp: Corp, pair: Pair) -> None:
    """A row that somebody changed moves to another place in the walks that reorder."""
    if world.settings(CustomerSettings).walk == REORDER:
        prefix = f"{pair.customer.external_userid[:10]}{secrets.token_urlsafe(8)}"
        corp.members[pair.userid.lower()].move(pair.customer.external_userid, prefix)
