"""What a filter means, said once more in plain Python over plain values; and random filters."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.grams import fold
from tests.services.finding.world import (
    ASSOCIATES,
    CALLED,
    CHATS,
    COMPANIES,
    COMPANY_IDS,
    FIELDS,
    GONE,
    GOODS,
    KINDS,
    NAMES,
    NOW,
    PARENTS,
    PHONES,
    STATES,
    TAGS,
    Person,
    day,
)  # fmt: skip

CHINA = ZoneInfo("Asia/Shanghai")


def reads(given: dict[str, Any], one: Person) -> bool:
    groups = [_match(group["match"], [_condition(c, one) for c in group["conditions"]]) for group in given["groups"]]
    return _match(given["match"], groups) if groups else True


def _match(match: str, parts: list[bool]) -> bool:
    return all(parts) if match == "all" else any(parts)


def _friends(one: Person) -> list[dict[str, Any]]:
    return [r for r in one.relations if r["state"] == "active"]


def _counted(one: Person) -> list[dict[str, Any]]:
    return [o for o in one.orders if o["status"] in ("paid", "completed")]


def _times(one: Person, by: str) -> list[datetime]:
    ends = [(r["ended_by"], r["ended_at"]) for r in one.relations] + [
        (p[2], p[1]) for r in one.relations for p in r["past"]
    ]
    return [at for who, at in ends if who == by]


def _starts(one: Person) -> list[datetime]:
    found = [r["started_at"] for r in one.relations] + [p[0] for r in one.relations for p in r["past"]]
    return [at for at in found if at]


def _below(ids: list[int]) -> set[int]:
    found = set(ids)
    while more := {child for child, parent in PARENTS.items() if parent in found} - found:
        found |= more
    return found


def _members(outlets: dict[str, Any]) -> set[str]:
    departments = _below(outlets["ids"]) if outlets.get("below") else set(outlets["ids"])
    return {userid for userid, main in ASSOCIATES.items() if main in departments and userid != "WangWei"}  # who left


def _named(part: str) -> set[str]:
    return {userid for userid, name in CALLED.items() if fold(part) in fold(name or "") or fold(part) in fold(userid)}


SINGLE: dict[str, Callable[[Person], Any]] = {
    "standing": lambda p: p.standing,
    "gender": lambda p: p.own.get("gender") or {1: "male", 2: "female"}.get((p.contact or {}).get("gender"), "unknown"),
    "level": lambda p: p.own.get("level"),
    "assigned": lambda p: p.assigned[0] if p.assigned else None,
    "pool_status": lambda p: p.pool and p.pool["status"],
    "source": lambda p: p.pool and p.pool["source"],
    "pool_assigned": lambda p: p.pool and p.pool["userid"],
    "field:size": lambda p: p.own.get("fields", {}).get("size"),
}
SETS: dict[str, Callable[[Person], set[Any]]] = {
    "friend": lambda p: {r["userid"] for r in _friends(p)},
    "tag": lambda p: {t for r in _friends(p) for t in r["corp_tag_ids"]} | {f"local:{t}" for t in p.local_tags},
    "chat": lambda p: {s["chat_id"] for s in p.stays if s["left_at"] is None},
    "add_way": lambda p: {r["add_way"] for r in _friends(p)} - {None},
    "add_state": lambda p: {r["add_state"] for r in _friends(p)} - {None, ""},
    "stage": lambda p: {p.stage} - {None},
    "segment": lambda p: set(p.segments),
    "linked_company": lambda p: {one for one, lasts in p.companies if lasts and one != GONE},
    "waiting_tag": lambda p: set(p.waiting),
    "field:hobby": lambda p: set(p.own.get("fields", {}).get("hobby", ())),
    "field:area": lambda p: set(p.own.get("fields", {}).get("area", ())),
}
NUMBERS: dict[str, Callable[[Person], Any]] = {
    "friend_count": lambda p: len({r["userid"] for r in _friends(p)}),
    "chat_count": lambda p: len({s["chat_id"] for s in p.stays if s["left_at"] is None}),
    "score": lambda p: p.score,
    "points": lambda p: p.points,
    "purchase_count": lambda p: len(_counted(p)),
    "purchase_amount": lambda p: sum(o["amount"] for o in _counted(p) if o["currency"] == "CNY"),
    "field:visits": lambda p: p.own.get("fields", {}).get("visits"),
}
MOMENTS: dict[str, Callable[[Person], datetime | None]] = {
    "created": lambda p: p.created_at,
    "assigned_since": lambda p: p.assigned[1] if p.assigned else None,
    "first_added": lambda p: min(_starts(p), default=None),
    "last_added": lambda p: max(_starts(p), default=None),
    "lost": lambda p: max(_times(p, "ended_by_customer"), default=None),
    "deleted": lambda p: max(_times(p, "ended_by_associate"), default=None),
    "joined_chat": lambda p: max((s["joined_at"] for s in p.stays), default=None),
    "left_chat": lambda p: max((s["left_at"] for s in p.stays if s["left_at"]), default=None),
    "last_event": lambda p: max((e["occurred_at"] for e in p.events), default=None),
    "last_purchase": lambda p: max((o["paid_at"] for o in _counted(p)), default=None),
    "field:since": lambda p: p.own.get("fields", {}).get("since"),
}
PARTS: dict[str, Callable[[Person], list[str]]] = {
    "name": lambda p: (
        [(p.contact or {}).get("name") or "", p.own.get("real_name") or ""] + [r["remark"] or "" for r in p.relations]
    ),
    "company": lambda p: (
        [(p.contact or {}).get("corp_name") or "", p.own.get("company") or ""]
        + [r["remark_corp_name"] or "" for r in p.relations]
    ),
}


def _condition(c: dict[str, Any], one: Person) -> bool:
    name, op, value = c["field"], c["op"], c.get("value")
    if name in PARTS:
        has = any(fold(value) in fold(text) for text in PARTS[name](one))
        return has if op == "contains" else not has
    if name in ("phone", "crm"):
        return _among(op, {v for kind, v in one.identities if kind == name}, value)
    if name in SINGLE:
        held = SINGLE[name](one)
        return _among(op, {held} - {None}, value)
    if name in SETS:
        return _among(op, SETS[name](one), value)
    if name in NUMBERS:
        return _number(op, NUMBERS[name](one), value)
    if name in MOMENTS:
        return _moment(op, MOMENTS[name](one), value)
    return _SPECIAL[name](op, one, value)


def _among(op: str, held: set[Any], value: Any) -> bool:
    wanted = {value} if op in ("equals", "not_equals") else set(value or ())
    return {
        "equals": bool(held & wanted), "any_of": bool(held & wanted), "not_equals": not held & wanted,
        "none_of": not held & wanted, "all_of": held >= wanted, "empty": not held, "not_empty": bool(held),
    }[op]  # fmt: skip


def _number(op: str, held: Any, value: Any) -> bool:
    if op in ("empty", "not_empty"):
        return (held is None) == (op == "empty")
    if op == "not_equals":
        return held is None or held != value
    if held is None:
        return False
    if op == "equals":
        return bool(held == value)
    return bool(value.get("min", held) <= held <= value.get("max", held))


def _local(at: datetime | str) -> Any:
    return day(at) if isinstance(at, str) else at.astimezone(CHINA).date()


def _within(at: datetime | str, days: int) -> bool:
    return bool(_local(at) > _local(NOW) - timedelta(days=days))


def _in_period(at: datetime | str | None, value: dict[str, Any]) -> bool:
    if at is None:
        return False
    if "days" in value:
        return _within(at, value["days"])
    return bool(
        ("from" not in value or _local(at) >= day(value["from"]))
        and ("to" not in value or _local(at) <= day(value["to"]))
    )


def _moment(op: str, held: datetime | str | None, value: Any) -> bool:
    if op in ("empty", "not_empty"):
        return (held is None) == (op == "empty")
    if op == "not_within":
        return held is None or not _within(held, value["days"])
    return held is not None and (_within(held, value["days"]) if op == "within" else _in_period(held, value))


def _birthday(op: str, one: Person, value: Any) -> bool:
    born = one.own.get("birthday")
    if op in ("empty", "not_empty"):
        return (born is None) == (op == "empty")
    if born is None:
        return False
    short = born[5:]
    if op == "between":
        first, last = value["from"], value["to"]
        return first <= short <= last if first <= last else short >= first or short <= last
    today = _local(NOW)
    coming = {(today + timedelta(days=n)).strftime("%m-%d") for n in range(value["days"])}
    return short in coming or (short == "02-29" and "02-28" in coming)


def _outlet(op: str, one: Person, value: Any) -> bool:
    meets = bool(_members(value) & {r["userid"] for r in _friends(one)})
    return meets if op == "any_of" else not meets


def _assigned_outlet(op: str, one: Person, value: Any) -> bool:
    meets = one.assigned is not None and one.assigned[0] in _members(value)
    return meets if op == "any_of" else not meets


def _friend_name(op: str, one: Person, value: Any) -> bool:
    meets = bool(_named(value) & {r["userid"] for r in _friends(one)})
    return meets if op == "contains" else not meets


def _assigned_name(op: str, one: Person, value: Any) -> bool:
    meets = one.assigned is not None and one.assigned[0] in _named(value)
    return meets if op == "contains" else not meets


def _added(op: str, one: Person, value: Any) -> bool:
    def meets(r: dict[str, Any]) -> bool:
        return (
            ("by" not in value or r["userid"] in value["by"])
            and ("outlets" not in value or r["userid"] in _members(value["outlets"]))
            and ("ways" not in value or r["add_way"] in value["ways"])
            and ("states" not in value or r["add_state"] in value["states"])
            and (not {"days", "from", "to"} & set(value) or _in_period(r["started_at"], value))
        )

    return any(meets(r) for r in _friends(one)) == (op == "is")


def _event(op: str, one: Person, value: Any) -> bool:
    count = sum(
        e["kind"] == value["kind"] and ("shop" not in value or e["shop"] == value["shop"])
        and (not {"days", "from", "to"} & set(value) or _in_period(e["occurred_at"], value))
        for e in one.events
    )  # fmt: skip
    return (count >= value.get("at_least", 1)) == (op == "is")


def _order(op: str, one: Person, value: Any) -> bool:
    orders = [
        o for o in _counted(one)
        if ("shop" not in value or o["shop"] == value["shop"])
        and (not {"days", "from", "to"} & set(value) or _in_period(o["paid_at"], value))
        and ("amount" not in value or o["currency"] == "CNY")
        and ("goods" not in value or set(o["goods_ids"] or ()) & set(value["goods"]))
    ]  # fmt: skip
    meets = len(orders) >= value.get("at_least", 1)
    if "amount" in value and meets:
        meets = _number("between", sum(o["amount"] for o in orders), value["amount"])
    return meets == (op == "is")


_SPECIAL: dict[str, Callable[[str, Person, Any], bool]] = {
    "birthday": _birthday,
    "blacklisted": lambda _, one, value: one.blacklisted is value,
    "outlet": _outlet,
    "assigned_outlet": _assigned_outlet,
    "friend_name": _friend_name,
    "assigned_name": _assigned_name,
    "added": _added,
    "event": _event,
    "order": _order,
}


MEMBERS: dict[str, tuple[Any, ...]] = {
    "standing": ("none", "friend", "lost"), "gender": ("male", "female", "unknown"), "level": ("gold", "iron"),
    "assigned": tuple(ASSOCIATES), "pool_status": ("unassigned", "assigned", "added"), "source": ("api", "hand"),
    "pool_assigned": tuple(ASSOCIATES), "field:size": ("S", "M", "L"), "friend": tuple(ASSOCIATES),
    "tag": (*TAGS, "local:1", "local:2"), "chat": CHATS, "add_way": (0, 1, 3), "add_state": STATES, "stage": (5, 6),
    "segment": (1, 2), "waiting_tag": TAGS, "linked_company": COMPANY_IDS, "field:hobby": ("hiking", "tea", "go"),
    "field:area": ("hiking", "go"),
    "phone": (*PHONES, "13700000000"), "crm": ("C-1001", "C-1002", "C-1003"),
}  # fmt: skip


def random_filter(draw: random.Random) -> dict[str, Any]:
    groups = [
        {
            "match": draw.choice(("all", "any")),
            "conditions": [_random_condition(draw) for _ in range(draw.randint(1, 3))],
        }
        for _ in range(draw.choice((0, 1, 1, 1, 2)))
    ]
    return {"match": draw.choice(("all", "any")), "groups": groups}


def _random_condition(draw: random.Random) -> dict[str, Any]:
    name = draw.choice((*PARTS, "phone", "crm", *SINGLE, *SETS, *NUMBERS, *MOMENTS, *_SPECIAL))
    op, value = _random_value(draw, name)
    return {"field": name, "op": op} | ({} if value is None else {"value": value})


def _random_value(draw: random.Random, name: str) -> tuple[str, Any]:
    if name in PARTS:
        text = fold(draw.choice(NAMES if name == "name" else COMPANIES)) or "娜"
        start = draw.randrange(len(text))
        return draw.choice(("contains", "not_contains")), text[start : start + draw.randint(1, 4)].strip() or "a"
    if name in MEMBERS:
        empties = () if name == "crm" else ("empty", "not_empty")
        ops = ("any_of", "all_of", "none_of") if name in SETS else ("equals", "not_equals", "any_of", "none_of")
        op = draw.choice((*ops, *empties))
        if op in empties:
            return op, None
        return op, draw.choice(MEMBERS[name]) if op.endswith("equals") else draw.sample(MEMBERS[name], 2)
    if name in NUMBERS:
        op = draw.choice(("equals", "not_equals", "between"))
        low = draw.choice((-3, 0, 1, 2.5, 100))
        return op, low if op != "between" else draw.choice(({"min": low}, {"max": low}, {"min": low, "max": low + 5}))
    if name in MOMENTS:
        op = draw.choice(("between", "within", "not_within", "empty", "not_empty"))
        if op in ("empty", "not_empty"):
            return op, None
        return op, _random_period(draw, all_time=False) if op == "between" else {"days": draw.choice((1, 7, 30))}
    return _random_special(draw, name)


def _random_period(draw: random.Random, *, all_time: bool = True) -> dict[str, Any]:
    periods = [{"from": "2026-11-15"}, {"to": "2026-11-21"}, {"from": "2026-10-23", "to": "2026-11-16"}]
    return draw.choice([*periods, *([{}, {"days": 1}, {"days": 7}] if all_time else [])])


def _random_special(draw: random.Random, name: str) -> tuple[str, Any]:
    outlets = {"ids": draw.sample((1, 10, 11, 12, 20, 21), 2), "below": draw.random() < 0.5}
    if name == "birthday":
        return draw.choice([
            ("between", {"from": "11-01", "to": "11-30"}), ("between", {"from": "12-20", "to": "01-10"}),
            ("within_next", {"days": draw.choice((1, 10, 120))}), ("empty", None), ("not_empty", None),
        ])  # fmt: skip
    if name == "blacklisted":
        return "is", draw.random() < 0.5
    if name in ("outlet", "assigned_outlet"):
        return draw.choice(("any_of", "none_of")), outlets
    if name in ("friend_name", "assigned_name"):
        parts = ("娜", "李娜", "ang w", "ＡＮＧ", "敏  娜", "ch", "lina", "nobody", " l")
        return draw.choice(("contains", "not_contains")), draw.choice(parts)
    value: dict[str, Any] = dict(_random_period(draw))
    if name == "added":
        more = {"by": ["LiNa", "WangWei"], "outlets": outlets, "ways": [0, 3], "states": ["spring"]}
        return draw.choice(("is", "is_not")), value | dict(draw.sample(list(more.items()), draw.randint(0, 2)))
    if draw.random() < 0.4:
        value["shop"] = "tmall"
    if draw.random() < 0.4:
        value["at_least"] = 2
    if name == "event":
        return draw.choice(("is", "is_not")), value | {"kind": draw.choice(KINDS)}
    if draw.random() < 0.5:
        value["amount"] = {"min": 5000}
    if draw.random() < 0.6:
        value["goods"] = draw.sample((*GOODS, "G-4"), 2)
    return draw.choice(("is", "is_not")), value


assert FIELDS
