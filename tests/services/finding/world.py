"""A small random shop for filters: people as plain values, and the same people as rows."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.cards.store import refresh_cards, take_due
from services.persons.model import make_identity
from services.persons.store import key_of, record_own
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId
from shared.tenants import Tenant

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ASSOCIATES = {"LiNa": 11, "ZhaoMin": 12, "WangWei": 21, "ChenJing": None}
PARENTS = {1: 0, 10: 1, 11: 10, 12: 10, 20: 1, 21: 20}
NAMES = ("李娜", "李娜娜", "王芳", "欧阳修文", "Anna Li", "ＡＮＮＡ", "娜", "王 小二", "")
COMPANIES = ("晨光百货", "Morning Ltd", "百货")
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
        {"id": f"wm{customer_id}", "name": draw.choice(NAMES), "gender": draw.choice((0, 1, 2, None)),
         "corp_name": draw.choice((None, *COMPANIES))} if is_contact else None,
        identities,
        [_relation(draw, userid) for userid in friends],
        [_stay(draw, one) for one in _some(draw, CHATS)] if is_contact else [],
        _some(draw, LOCAL),
        draw.choice((None, 5, 6)),
        _some(draw, (1, 2)),
        draw.choice((0, 5, -3, 100)),
        draw.choice((0, 10)),
        {"status": draw.choice(("unassigned", "assigned", "unreachable", "added")), "source": draw.choice(("api", "hand")),
         "userid": draw.choice((None, *ASSOCIATES))} if draw.random() < 0.4 else None,
        draw.random() < 0.2,
        [{"shop": draw.choice(("tmall", "douyin")), "amount": draw.choice((100, 5000)), "currency": draw.choice(("CNY", "CNY", "USD")),
          "status": draw.choice(("paid", "completed", "refunded")), "paid_at": moment(draw)} for _ in range(draw.choice((0, 0, 1, 3)))],
        [{"kind": draw.choice(KINDS), "shop": draw.choice((None, "tmall")), "at": moment(draw)} for _ in range(draw.choice((0, 0, 1, 3)))],
    )  # fmt: skip


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
        "tags": _some(draw, TAGS), "way": draw.choice((None, 0, 1, 3)), "add_state": draw.choice((None, "", *STATES)),
        "remark": draw.choice((None, *NAMES)), "remark_corp_name": draw.choice((None, *COMPANIES)),
    }  # fmt: skip


def _stay(draw: random.Random, chat_id: str) -> dict[str, Any]:
    return {"chat_id": chat_id, "joined_at": moment(draw), "left_at": draw.choice((None, moment(draw)))}


def record_world(connection: Connection, tenant: Tenant, world: World) -> None:
    """Write everybody, then make all cards that the marks of these writes ask for."""
    tid = {"tenant_id": tenant.id, "now": NOW}
    for department, parent in PARENTS.items():
        run(connection, "insert into outlet (tenant_id, department_id, parent_id, observed_at) "
            "values (:tenant_id, :id, :parent, :now)", id=department, parent=parent, **tid)  # fmt: skip
    for userid, department in ASSOCIATES.items():
        run(connection, "insert into associate (tenant_id, userid, main_department_id, observed_at) "
            "values (:tenant_id, :userid, :department, :now)", userid=userid, department=department, **tid)  # fmt: skip
    for n, (key, kind) in enumerate(FIELDS.items()):
        run(connection, "insert into custom_field (tenant_id, key, name, kind, personal, position, created_at) "
            "values (:tenant_id, :key, :key, :kind, false, :n, :now)", key=key, kind=kind, n=n, **tid)  # fmt: skip
    for one in world.people:
        _record(connection, tenant, one)
    ids = take_due(connection, tenant.id, limit=100_000)
    assert ids is not None
    refresh_cards(connection, tenant, ids)


def _record(connection: Connection, tenant: Tenant, one: Person) -> None:
    tid: dict[str, Any] = {"tenant_id": tenant.id, "id": one.id, "now": NOW}
    userid, at = one.assigned or (None, None)
    run(connection, "insert into customer (tenant_id, id, standing, assigned_userid, assigned_at, created_at) "
        "values (:tenant_id, :id, :standing, :userid, :at, :created_at)",
        standing=one.standing, userid=userid, at=at, created_at=one.created_at, **tid)  # fmt: skip
    if one.own:
        record_own(connection, tenant, one.id, one.own, now=NOW)
    for kind, value in one.identities:
        identity = make_identity(kind, value, region="CN")
        run(connection, "insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
            "values (:tenant_id, :kind, :hmac, :id, '', false, 'api', :now)",
            kind=kind, hmac=key_of(tenant, identity)[1], **tid)  # fmt: skip
    if one.contact:
        run(connection, "insert into external_contact (tenant_id, external_userid, customer_id, name, gender, corp_name, "
            "cause) values (:tenant_id, :contact, :id, :name, :gender, :corp_name, 'event')",
            contact=one.contact["id"], **{k: one.contact[k] for k in ("name", "gender", "corp_name")}, **tid)  # fmt: skip
        for relation in one.relations:
            _record_relation(connection, one.contact["id"], relation, tid)
        for stay in one.stays:
            run(connection, "insert into group_member (tenant_id, chat_id, member_id, number, kind, joined_at, left_at, "
                "observed_at, cause) values (:tenant_id, :chat_id, :contact, 1, 'customer', :joined_at, :left_at, :now, "
                "'event')", contact=one.contact["id"], **stay, **tid)  # fmt: skip
    for tag_id in one.local_tags:
        run(connection, "insert into customer_tag values (:tenant_id, :id, :tag_id, :now, 'x')", tag_id=tag_id, **tid)
    if one.stage:
        run(
            connection,
            "insert into customer_stage values (:tenant_id, 1, :id, :stage, :now, 'x')",
            stage=one.stage,
            **tid,
        )
    for segment in one.segments:
        run(connection, "insert into segment_member values (:tenant_id, :segment, :id, :now)", segment=segment, **tid)
    if one.score or one.points:
        run(connection, "insert into customer_score values (:tenant_id, :id, :score, :points)",
            score=one.score, points=one.points, **tid)  # fmt: skip
    if one.pool:
        run(connection, "insert into pool_record (tenant_id, customer_id, status, source, userid, by_whom, status_at, "
            "created_at) values (:tenant_id, :id, :status, :source, :userid, 'x', :now, :now)", **one.pool, **tid)  # fmt: skip
    if one.blacklisted:
        run(connection, "insert into blacklist_entry (tenant_id, customer_id, reason, added_at, added_by) "
            "values (:tenant_id, :id, 'asked not to be called', :now, 'x')", **tid)  # fmt: skip
    for n, order in enumerate(one.orders):
        run(connection, "insert into customer_order values (:tenant_id, :shop, :order_id, :id, :amount, :currency, :status, "
            "1, :paid_at, :now, :now)", order_id=f"{one.id}-{n}", **order, **tid)  # fmt: skip
    run(connection, "insert into purchase_summary select :tenant_id, customer_id, shop, currency, count(*), sum(amount), "
        "max(paid_at) from customer_order where tenant_id = :tenant_id and customer_id = :id "
        "and status in ('paid', 'completed') group by 2, 3, 4", **tid)  # fmt: skip
    for n, event in enumerate(one.events):
        run(connection, "insert into customer_event (tenant_id, event_id, customer_id, kind, shop, occurred_at, "
            "recorded_at) values (:tenant_id, :event_id, :id, :kind, :shop, :at, :now)",
            event_id=f"{one.id}-{n}", **event, **tid)  # fmt: skip


def _record_relation(connection: Connection, contact: str, one: dict[str, Any], tid: dict[str, Any]) -> None:
    import orjson  # noqa: PLC0415

    past = orjson.dumps(one["past"]).decode()
    run(connection, "insert into relation (tenant_id, external_userid, userid, state, started_at, ended_at, ended_by, past, "
        "corp_tag_ids, add_way, add_state, remark, remark_corp_name, cause) values (:tenant_id, :contact, :userid, :state, "
        ":started_at, :ended_at, :ended_by, cast(:json as jsonb), :tags, :way, :add_state, :remark, :remark_corp_name, "
        "'event')", contact=contact, json=past, **{k: v for k, v in one.items() if k != "past"},
        tenant_id=tid["tenant_id"])  # fmt: skip


def day(text: str) -> date:
    return date.fromisoformat(text)


def everybody(connection: Connection, tenant: Tenant) -> set[int]:
    rows = fetch_all(connection, "select customer_id from customer_card where tenant_id = :id", id=tenant.id)
    return {row["customer_id"] for row in rows}
