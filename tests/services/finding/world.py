"""A small random shop for filters: people as plain values, and the same people as rows."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from services.cards.store import refresh_cards, take_due
from services.persons.model import make_identity
from services.persons.store import key_of, record_own
from services.purchases.store import summarise
from shared.db.engine import run
from shared.ids import CustomerId
from shared.tenants import Tenant

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ASSOCIATES = {"LiNa": 11, "ZhaoMin": 12, "WangWei": 21, "ChenJing": None}
CALLED = {"LiNa": "李娜", "ZhaoMin": "赵敏 娜", "WangWei": "ＷANG  Wei", "ChenJing": None}
GOODS = ("G-1", "G-2", "G-3")
PARENTS = {1: 0, 10: 1, 11: 10, 12: 10, 20: 1, 21: 20}
NAMES = ("李娜", "李娜娜", "王芳", "欧阳修文", "Anna Li", "ＡＮＮＡ", "娜", "王 小二", "")
COMPANIES = ("晨光百货", "Morning Ltd", "百货")
COMPANY_IDS, GONE = ("K-1", "K-2", "K-3"), "K-3"
TAGS, LOCAL, CHATS, STATES = ("etVip", "etNew", "etGone"), (1, 2), ("wrA", "wrB", "wrC"), ("spring", "poster")
PHONES = ("13800138000", "13800138001", "13900139000")
KINDS = ("visited", "shared")
FIELDS = {"size": "single_choice", "hobby": "multiple_choice", "visits": "number", "since": "date", "area": "cascade"}


@dataclass
class Person:
    id: CustomerId
    created_at: datetime
    standing: str
    assigned: tuple[str, datetime] | None
    own: dict[str, Any]
    contact: dict[str, Any] | None
    identities: list[tuple[str, str]]
    relations: list[dict[str, Any]]
    stays: list[dict[str, Any]]
    local_tags: list[int]
    stage: int | None
    segments: list[int]
    companies: list[tuple[str, bool]]
    waiting: list[str]
    score: int
    points: int
    pool: dict[str, Any] | None
    blacklisted: bool
    orders: list[dict[str, Any]]
    events: list[dict[str, Any]]


@dataclass
class World:
    people: list[Person] = field(default_factory=list)


def moment(draw: random.Random) -> datetime:
    """Often near the edges of days in China, where mistakes are."""
    day = NOW - timedelta(days=draw.choice((0, 1, 6, 7, 8, 29, 30, 31, 400)))
    return day.replace(hour=draw.choice((2, 15, 16, 17)), minute=0) + timedelta(seconds=draw.choice((0, 0, 1, 3599)))


def make_world(draw: random.Random, size: int) -> World:
    return World([_person(draw, CustomerId(1000 + n)) for n in range(size)])


def _some(draw: random.Random, given: Any, most: int = 3) -> list[Any]:
    return draw.sample(list(given), draw.randint(0, min(most, len(given))))


def _person(draw: random.Random, customer_id: CustomerId) -> Person:
    is_contact = draw.random() < 0.7
    own: dict[str, Any] = {}
    if draw.random() < 0.5:
        own["real_name"] = draw.choice(NAMES)
    if draw.random() < 0.4:
        own["company"] = draw.choice(COMPANIES)
    if draw.random() < 0.4:
        own["gender"] = draw.choice(("male", "female", "unknown"))
    if draw.random() < 0.4:
        own["level"] = draw.choice(("gold", "silver"))
    if draw.random() < 0.5:
        own["birthday"] = draw.choice(("1990-11-22", "2000-02-29", "1985-12-31", "1970-01-01", "2001-11-30"))
    if draw.random() < 0.6:
        own["fields"] = {key: _value(draw, kind) for key, kind in FIELDS.items() if draw.random() < 0.5}
    identities = [("phone", one) for one in _some(draw, PHONES, 2)]
    identities += [("email", "a@example.com")] if draw.random() < 0.2 else []
    identities += [("crm", f"C-{customer_id}")] if draw.random() < 0.3 else []
    friends = _some(draw, ASSOCIATES) if is_contact else []
    return Person(
        customer_id,
        moment(draw),
        draw.choice(("friend", "lost", "deleted")) if is_contact else "none",
        (draw.choice(friends), moment(draw)) if friends and draw.random() < 0.8 else None,
        own,
        {"external_userid": f"wm{customer_id}", "name": draw.choice(NAMES), "gender": draw.choice((0, 1, 2, None)),
         "corp_name": draw.choice((None, *COMPANIES))} if is_contact else None,
        identities,
        [_relation(draw, userid) for userid in friends],
        [_stay(draw, one) for one in _some(draw, CHATS)] if is_contact else [],
        _some(draw, LOCAL),
        draw.choice((None, 5, 6)),
        _some(draw, (1, 2)),
        [(one, draw.random() < 0.7) for one in _some(draw, COMPANY_IDS)],
        _some(draw, TAGS) if draw.random() < 0.3 else [],
        draw.choice((0, 5, -3, 100)),
        draw.choice((0, 10)),
        _pool(draw) if draw.random() < 0.4 else None,
        draw.random() < 0.2,
        [_order(draw) for _ in range(draw.choice((0, 0, 1, 3)))],
        [_event(draw) for _ in range(draw.choice((0, 0, 1, 3)))],
    )  # fmt: skip


def _pool(draw: random.Random) -> dict[str, Any]:
    status = draw.choice(("unassigned", "assigned", "unreachable", "added"))
    return {"status": status, "source": draw.choice(("api", "hand")), "userid": draw.choice((None, *ASSOCIATES))}


def _order(draw: random.Random) -> dict[str, Any]:
    return {
        "shop": draw.choice(("tmall", "douyin")),
        "amount": draw.choice((100, 5000)),
        "currency": draw.choice(("CNY", "CNY", "USD")),
        "status": draw.choice(("paid", "completed", "refunded")),
        "paid_at": moment(draw),
        "goods_ids": draw.choice((None, _some(draw, GOODS))),
    }


def _event(draw: random.Random) -> dict[str, Any]:
    return {"kind": draw.choice(KINDS), "shop": draw.choice((None, "tmall")), "occurred_at": moment(draw)}


def _value(draw: random.Random, kind: str) -> object:
    if kind == "number":
        return draw.choice((0, 1, 2.5, 100))
    if kind == "date":
        return draw.choice(("2026-11-22", "2026-11-16", "2026-11-15", "1969-12-31"))
    if kind == "single_choice":
        return draw.choice(("S", "M"))
    return draw.choice((["hiking"], ["hiking", "tea"], ["tea", "go"]))


def _relation(draw: random.Random, userid: str) -> dict[str, Any]:
    state = draw.choice(
        ("active", "active", "active", "ended_by_customer", "ended_by_associate", "transferred", "half")
    )
    started, ended = moment(draw), moment(draw)
    past = []
    if draw.random() < 0.2:
        past.append([moment(draw), moment(draw), draw.choice(("ended_by_customer", "ended_by_associate"))])
    over = state not in ("active", "half")
    return {
        "userid": userid, "state": state, "started_at": None if state == "half" else started,
        "ended_at": ended if over else None, "ended_by": state if over else None, "past": past,
        "corp_tag_ids": _some(draw, TAGS), "add_way": draw.choice((None, 0, 1, 3)),
        "add_state": draw.choice((None, "", *STATES)),
        "remark": draw.choice((None, *NAMES)), "remark_corp_name": draw.choice((None, *COMPANIES)),
    }  # fmt: skip


def _stay(draw: random.Random, chat_id: str) -> dict[str, Any]:
    return {"chat_id": chat_id, "joined_at": moment(draw), "left_at": draw.choice((None, moment(draw)))}


def record_world(connection: Connection, tenant: Tenant, world: World) -> None:
    """Write everybody, then make all cards that the marks of these writes ask for."""
    write = Writer(connection, tenant)
    for department, parent in PARENTS.items():
        write("outlet", department_id=department, parent_id=parent, observed_at=NOW)
    for userid, main in ASSOCIATES.items():
        name, gone_at = CALLED[userid], NOW if userid == "WangWei" else None
        write("associate", userid=userid, name=name, main_department_id=main, observed_at=NOW, gone_at=gone_at)
    for n, (key, kind) in enumerate(FIELDS.items()):
        write("custom_field", key=key, name=key, kind=kind, personal=False, position=n, created_at=NOW)
    for company_id in COMPANY_IDS:
        gone = NOW if company_id == GONE else None
        write("company", company_id=company_id, name="x", name_key="x", name_pieces=["x"], updated_at=NOW,
              recorded_at=NOW, deleted_at=gone)  # fmt: skip
    for one in world.people:
        _record(write, one)
    ids = take_due(connection, tenant.id, limit=100_000)
    assert ids is not None
    refresh_cards(connection, tenant, ids)


@dataclass
class Writer:
    connection: Connection
    tenant: Tenant

    def __call__(self, table: str, **values: object) -> None:
        given = {"tenant_id": self.tenant.id, **values}
        sql = f"insert into {table} ({', '.join(given)}) values ({', '.join(f':{one}' for one in given)})"
        run(self.connection, sql, **given)


def _record(write: Writer, one: Person) -> None:
    userid, at = one.assigned or (None, None)
    write(
        "customer", id=one.id, standing=one.standing, assigned_userid=userid, assigned_at=at, created_at=one.created_at
    )
    if one.own:
        record_own(write.connection, write.tenant, one.id, one.own, now=NOW)
    mine: dict[str, Any] = {"customer_id": one.id}
    told = {"verified": False, "source": "api", "created_at": NOW, "value": b""}
    for kind, value in one.identities:
        _, token = key_of(write.tenant, make_identity(kind, value, region="CN"))
        write("identity", kind=kind, hmac=token, **mine, **told)
    if one.contact:
        _record_contact(write, one, one.contact)
    for tag_id in one.local_tags:
        write("customer_tag", tag_id=tag_id, given_at=NOW, by_whom="x", **mine)
    if one.stage:
        write("customer_stage", line_id=1, stage_id=one.stage, entered_at=NOW, by_whom="x", **mine)
    for segment in one.segments:
        write("segment_member", segment_id=segment, since=NOW, **mine)
    for company_id, lasts in one.companies:
        ended = None if lasts else NOW
        write("company_customer", company_id=company_id, updated_at=NOW, linked_at=NOW, ended_at=ended, **mine)
    for tag_id in one.waiting:
        write("waiting_tag", tag_id=tag_id, author="x", source="api", created_at=NOW, **mine)
    if one.score or one.points:
        write("customer_score", score=one.score, points=one.points, **mine)
    if one.pool:
        write("pool_record", by_whom="x", status_at=NOW, created_at=NOW, **one.pool, **mine)
    if one.blacklisted:
        write("blacklist_entry", reason="asked not to be called", added_at=NOW, added_by="x", **mine)
    for n, order in enumerate(one.orders):
        times = {"updated_at": NOW, "recorded_at": NOW}
        write("customer_order", order_id=f"{one.id}-{n}", items_count=1, **times, **order, **mine)
    summarise(write.connection, write.tenant.id, [one.id])
    for n, event in enumerate(one.events):
        write("customer_event", event_id=f"{one.id}-{n}", recorded_at=NOW, **event, **mine)


def _record_contact(write: Writer, one: Person, contact: dict[str, Any]) -> None:
    write("external_contact", customer_id=one.id, cause="event", **contact)
    for relation in one.relations:
        past = orjson.dumps(relation["past"]).decode()
        write("relation", external_userid=contact["external_userid"], cause="event", **relation | {"past": past})
    for stay in one.stays:
        member = {"member_id": contact["external_userid"], "number": 1, "kind": "customer"}
        write("group_member", observed_at=NOW, cause="event", **member, **stay)


def day(text: str) -> date:
    return date.fromisoformat(text)
