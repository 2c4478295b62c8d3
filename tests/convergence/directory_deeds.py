"""What administrators do with members, departments, the function of customer contact and the app's visible range."""

from tests.convergence.town import Choose, Deed, Order, Town

NEWCOMERS = ("HeMei", "WuTao", "XuJing")
OLDEST = 3
"""Departments of the beginning stay."""


def _resign(town: Town, deed: Deed) -> Order | None:
    return {"userid": town.member(deed.a)} if len(town.members) > 3 else None


def _come(town: Town, deed: Deed) -> Order | None:
    new = [one for one in NEWCOMERS if one not in town.members and one not in town.resigned]
    return {"userid": new[0], "name": f"新人{deed.a % 3}", "department": [_outlet(town, deed.b)]} if new else None


def _move(town: Town, deed: Deed) -> Order | None:
    if deed.c % 4 == 0:
        return {"userid": town.member(deed.a), "name": f"改名{deed.b % 5}"}
    second = [_outlet(town, deed.c)] if deed.c % 4 == 1 else []
    return {"userid": town.member(deed.a), "department": list(dict.fromkeys([_outlet(town, deed.b), *second]))}


def _outlet(town: Town, number: int) -> int:
    return sorted(town.outlets)[number % len(town.outlets)]


def _function_off(town: Town, deed: Deed) -> Order | None:
    return {"userid": town.member(deed.a)}


def _function_on(town: Town, deed: Deed) -> Order | None:
    idle = sorted(town.idle & town.members.keys())
    return {"userid": idle[deed.a % len(idle)]} if idle else None


def _sight(town: Town, deed: Deed) -> Order | None:
    if town.sight:
        return {"sight": {}}
    everybody = sorted({*town.members, *town.resigned})
    some = [one for one in everybody if one != town.member(deed.a)]
    return {"sight": ({"visible": some}, {"visible_departments": [2]}, {"visible_departments": [1]})[deed.b % 3]}


def _open(town: Town, deed: Deed) -> Order | None:
    number = max(town.outlets) + 1
    return {"id": number, "name": f"{number}店", "parentid": _outlet(town, deed.a)} if number < 7 else None


def _change(town: Town, deed: Deed) -> Order | None:
    number = sorted(town.outlets)[1:][deed.a % (len(town.outlets) - 1)]
    return {"id": number, "name": f"新{deed.b % 5}店"} if deed.c % 2 else {"id": number, "parentid": 1}


def _close(town: Town, deed: Deed) -> Order | None:
    new = [one for one in sorted(town.outlets) if one > OLDEST]
    return {"id": new[deed.a % len(new)]} if new else None


ORDERS: dict[str, Choose] = {
    "resign": _resign,
    "create_user": _come,
    "update_user": _move,
    "function_off": _function_off,
    "function_on": _function_on,
    "sight": _sight,
    "create_party": _open,
    "update_party": _change,
    "delete_party": _close,
}
