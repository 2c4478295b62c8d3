"""Create customers by the thousand, silently: no callback tells of them."""

import random
from itertools import islice

from simulator import names
from simulator.records import Corp, Customer, Pair, PairState
from simulator.world import World

CHUNK = 2_000


def populate(
    world: World,
    corp: Corp,
    userids: list[str],
    *,
    count: int,
    name_prefix: str = "",
    createtime: int | None = None,
    seed: int | None = None,
) -> list[str]:
    """Make `count` customers, each friend with one of the members in turn; returns their ids.

    The lock is let go between chunks, so that a million customers do not stop the API.

    Raises:
        ValueError: a member is unknown, or nobody was named.
    """
    members = [corp.member(userid) for userid in userids]
    if not members or None in members:
        raise ValueError("userids must name known members")
    dice = random.Random(seed)
    at = int(world.now()) if createtime is None else createtime
    canonical = [member.userid for member in members if member is not None]
    made: list[str] = []
    numbers = iter(range(count))
    while chunk := list(islice(numbers, CHUNK)):
        with world.lock:
            for number in chunk:
                name = f"{name_prefix}{number + 1}" if name_prefix else names.person(dice)
                customer = invent(corp, dice, name=name)
                userid = canonical[number % len(canonical)]
                oper = customer.external_userid
                corp.link(Pair(userid, customer, PairState.ACTIVE, at, remark=name, oper_userid=oper))
                made.append(customer.external_userid)
    return made


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
        unionid=names.unionid(dice) if kind == 1 and dice.random() < 0.67 else "",
        avatar=f"https://wx.qlogo.example/mmhead/{external_userid[-8:]}/0" if kind == 1 else "",
    )
