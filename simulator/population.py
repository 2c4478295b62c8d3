"""Create customers by the thousand, silently: no callback tells of them.

A million customers with three relations each must fit in memory, so what many have in common is one object: names,
numbers, tuples of tags. What can be made from the id, as the avatar, is not stored.
"""

import gc
import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from simulator import names
from simulator.records import Corp, Customer, Member, Pair, PairState
from simulator.world import World

CHUNK = 2_000
# From so many new relations on, the collector of cyclic garbage is told to look at them never again.
FREEZE_FROM = 50_000
WITH_UNIONID = 0.67
TEXT_BYTES = 18
EVERYBODY = [surname + given for surname in names.SURNAMES for given in names.GIVEN]


@dataclass(frozen=True)
class Wish:
    """How the customers are to be: `mobiles` is the share of the relations that have a phone (0 to 1).

    Each customer is friend with `followers_each` of the members, and each relation has `tags_each` of the tags.
    """

    count: int
    name_prefix: str = ""
    createtime: int | None = None
    seed: int | None = None
    followers_each: int = 1
    tags: tuple[str, ...] = ()
    tags_each: int = 1
    mobiles: float = 0.0


def populate(world: World, corp: Corp, userids: list[str], **told: Any) -> list[str]:
    """Make customers as told (see `Wish`), friends with the members in turn; returns their ids.

    The lock is let go between chunks, so that a million customers do not stop the API.

    Raises:
        ValueError: a member is unknown, nobody was named, or there are not enough members for `followers_each`.
    """
    told["tags"] = tuple(told.get("tags") or ())
    wish = Wish(**told)
    members = [member for member in map(corp.member, userids) if member is not None]
    if not members or len(members) != len(userids):
        raise ValueError("userids must name known members")
    if not 1 <= wish.followers_each <= len(members):
        raise ValueError("followers_each is from 1 to the number of userids")
    made: list[str] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        _fill(world, corp, members, wish, made)
    finally:
        if collecting:
            gc.enable()
    _settle(world, members, many=len(made) * wish.followers_each >= FREEZE_FROM)
    return made


def _fill(world: World, corp: Corp, members: list[Member], wish: Wish, made: list[str]) -> None:
    dice = random.Random(wish.seed)
    at = int(world.now()) if wish.createtime is None else wish.createtime
    tags = _bunches(wish)
    for member in members:
        member.forget_order()
    numbers = iter(range(wish.count))
    while chunk := list(islice(numbers, CHUNK)):
        with world.lock:
            for number, customer in zip(chunk, _strangers(corp, dice, chunk, wish), strict=True):
                corp.customers[customer.external_userid] = customer
                made.append(customer.external_userid)
                for turn in range(wish.followers_each):
                    member = members[(number + turn) % len(members)]
                    pair = Pair(member.userid, customer, PairState.ACTIVE, at, customer.name)
                    pair.oper_userid = customer.external_userid
                    pair.tags = tags[(number + turn) % len(tags)]
                    if wish.mobiles and dice.random() < wish.mobiles:
                        pair.remark_mobiles = (f"13{dice.randrange(10**9):09}",)
                    customer.pairs.append(pair)
                    member.put(pair)
            corp.recent.extend(customer.pairs)


def _bunches(wish: Wish) -> list[tuple[str, ...]]:
    """The sets of tags that go round."""
    if not wish.tags:
        return [()]
    twice = wish.tags + wish.tags
    return [twice[start : start + min(wish.tags_each, len(wish.tags))] for start in range(len(wish.tags))]


def _strangers(corp: Corp, dice: random.Random, numbers: list[int], wish: Wish) -> Iterator[Customer]:
    ids, unionids = _texts(dice, len(numbers)), _texts(dice, len(numbers))
    for number, text, unionid in zip(numbers, ids, unionids, strict=True):
        external_userid = f"wmSimCAAAA{text[:22]}"
        while external_userid in corp.customers:
            external_userid = names.external_userid(dice)
        name = f"{wish.name_prefix}{number + 1}" if wish.name_prefix else EVERYBODY[int(dice.random() * len(EVERYBODY))]
        known = dice.random() < WITH_UNIONID
        yield Customer(external_userid, name, 1, int(dice.random() * 3), f"oSim{unionid}" if known else "")


def _texts(dice: random.Random, count: int) -> list[str]:
    """Random texts of 24 characters, made in one go."""
    text = urlsafe_b64encode(dice.randbytes(TEXT_BYTES * count)).decode()
    return [text[start : start + 24] for start in range(0, len(text), 24)]


def _settle(world: World, members: list[Member], *, many: bool) -> None:
    """Sort the relations now, not in somebody's first call, and keep the collector from walking over them."""
    for member in members:
        with world.lock:
            member.ordered()
    if many:
        gc.freeze()


def invent(corp: Corp, dice: random.Random, *, name: str, kind: int = 1) -> Customer:
    """A customer with an unused id; two in three WeChat users have a unionid."""
    external_userid = names.external_userid(dice, kind=kind)
    while external_userid in corp.customers:
        external_userid = names.external_userid(dice, kind=kind)
    return Customer(
        external_userid,
        name,
        type=kind,
        gender=dice.choice((0, 1, 2)),
        unionid=names.unionid(dice) if kind == 1 and dice.random() < WITH_UNIONID else "",
    )
