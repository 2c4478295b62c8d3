"""Where the timeline's entries are read from. Each source is read by an index in its own order, a page at a time.

So a page costs the same for a customer with ten events and for one with a hundred thousand: every source gives one
page at the most, and these few are put in order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.planning import FACTS
from services.timeline.model import Entry, Place, kind_of_fact
from shared.db.engine import Row
from shared.tenants import Tenant

SKIPPED = ("customer.merged", "customer.parted")
"""Actions of the audit that facts tell of already."""
_LATERAL = "from unnest(cast(:kinds as text[]), cast(:keys as text[])) as s(kind, key) cross join lateral "


@dataclass(frozen=True)
class Source:
    """`sql` holds {after} where the page before ended; `at` and `key` are what it is ordered by there.

    `number`: whether its keys are numbers. `by_contact`: rows are the contact's, not the customer's.
    """

    name: str
    kinds: frozenset[str]
    at: str
    key: str
    number: bool
    sql: str
    entry: Callable[[Tenant, Row, Place], Entry]


def _plain(table: str, columns: str, at: str, key: str, *, where: str = "") -> str:
    return (
        f"select {columns}, {at} as at, {key} as key from {table} where tenant_id = :tenant_id "  # noqa: S608
        f"and customer_id = :customer_id {where} {{after}} order by {at} desc, {key} desc limit :limit"
    )


def _fact(_tenant: Tenant, row: Row, place: Place) -> Entry:
    kind = kind_of_fact(row["type"])
    return Entry(place, kind, row["type"], "fact", row["payload"], cause=row["cause"], by=row["caused_by"])


def _audit(_tenant: Tenant, row: Row, place: Place) -> Entry:
    values = {"action": row["action"], "changed": row["changed"]}
    return Entry(place, "edit", "audit", "audit", values, by=row["actor"])


def _event(tenant: Tenant, row: Row, place: Place) -> Entry:
    properties = row["properties"]
    opened = orjson.loads(tenant.cipher.decrypt(properties, "customer_event.properties")) if properties else {}
    what = "event" if row["by_whom"] is None else "event_by_hand"
    values = {"event_id": row["key"], "event": row["kind"], "shop": row["shop"], "template_id": row["template_id"]}
    return Entry(place, "event", what, "event", values, by=row["by_whom"], properties=opened)


def _order(_tenant: Tenant, row: Row, place: Place) -> Entry:
    names = ("shop", "order_id", "status", "amount", "currency", "items_count", "items")
    return Entry(place, "order", "order", "order", {name: row[name] for name in names})


def _note(tenant: Tenant, row: Row, place: Place) -> Entry:
    text = tenant.cipher.decrypt(row["body"], "customer_note.body").decode()
    return Entry(place, "note", "note", "note", {"note_id": row["key"]}, by=row["by_whom"], text=text)


def _task_made(tenant: Tenant, row: Row, place: Place) -> Entry:
    return _task(tenant, row, place, what="task_made", by=row["made_by"])


def _task_ended(tenant: Tenant, row: Row, place: Place) -> Entry:
    return _task(tenant, row, place, what=f"task_{row['state']}", by=row["ended_by"])


def _task(tenant: Tenant, row: Row, place: Place, *, what: str, by: str) -> Entry:
    text = tenant.cipher.decrypt(row["title"], "customer_task.title").decode()
    values = {"task_id": row["key"], "userid": row["userid"], "due_at": row["due_at"]}
    return Entry(place, "task", what, "task", values, by=by, text=text)


def _joined(_tenant: Tenant, row: Row, place: Place) -> Entry:
    values = {"chat_id": row["chat_id"], "scene": row["join_scene"], "invitor": row["invitor"]}
    return Entry(place, "chat", "chat_joined", "chat", values, cause=row["cause"], by=row["caused_by"])


def _left(_tenant: Tenant, row: Row, place: Place) -> Entry:
    values = {"chat_id": row["chat_id"], "scene": row["quit_scene"]}
    return Entry(place, "chat", "chat_left", "chat", values, cause=row["cause"], by=row["caused_by"])


def _stays(at: str, columns: str, where: str) -> str:
    key = "chat_id || '/' || number"
    return (
        f"select chat_id, {columns}, cause, caused_by, {at} as at, {key} as key from group_member "  # noqa: S608
        f"where tenant_id = :tenant_id and member_id = any(:contacts) {where} {{after}} "
        f"order by {at} desc, {key} desc limit :limit"
    )


def _pooled(_tenant: Tenant, row: Row, place: Place) -> Entry:
    what = "pool_given" if row["to_status"] == "assigned" else "pool_left" if row["from_userid"] else "pool_entered"
    values = {name: row[name] for name in ("to_userid", "from_userid", "why")}
    return Entry(place, "pool", what, "pool", values, by=row["by_whom"])


_STAYED = "coalesce(joined_at, observed_at)"
_ORDERED = "coalesce(paid_at, updated_at)"
_ALL_FACTS = frozenset(kind for kind in ("friendship", "assignment", "standing", "handover", "edit", "tag", "merge",
                                         "pool", "stage", "company", "other"))  # fmt: skip

SOURCES = (
    Source(
        "fact",
        _ALL_FACTS,
        "occurred_at",
        "id",
        True,
        f"select f.* {_LATERAL}(select id as key, occurred_at as at, type, cause, caused_by, payload from fact "  # noqa: S608
        "where tenant_id = :tenant_id and subject_kind = s.kind and subject_key = s.key "
        "and subject_kind in ('customer', 'external_contact') "
        "and (cast(:types as text[]) is null or type = any(:types)) {after} "
        "order by occurred_at desc, id desc limit :limit) f order by at desc, key desc limit :limit",
        _fact,
    ),
    Source(
        "audit",
        frozenset({"edit"}),
        "at",
        "id",
        True,
        f"select a.* {_LATERAL}(select id as key, at, actor, action, changed from audit "  # noqa: S608
        "where tenant_id = :tenant_id "
        "and subject_kind = s.kind and subject_key = s.key and action <> all(:skipped) {after} "
        "order by at desc, id desc limit :limit) a order by at desc, key desc limit :limit",
        _audit,
    ),
    Source(
        "event",
        frozenset({"event"}),
        "occurred_at",
        "event_id",
        False,
        _plain("customer_event", "kind, shop, by_whom, template_id, properties", "occurred_at", "event_id"),
        _event,
    ),
    Source(
        "order",
        frozenset({"order"}),
        _ORDERED,
        "(shop || '/' || order_id)",
        False,
        _plain(
            "customer_order",
            "shop, order_id, status, amount, currency, items_count, items",
            _ORDERED,
            "(shop || '/' || order_id)",
        ),
        _order,
    ),
    Source(
        "note",
        frozenset({"note"}),
        "at",
        "id",
        True,
        _plain("customer_note", "body, by_whom", "at", "id", where="and deleted_at is null"),
        _note,
    ),
    Source(
        "task_made",
        frozenset({"task"}),
        "made_at",
        "id",
        True,
        _plain("customer_task", "title, userid, due_at, made_by", "made_at", "id"),
        _task_made,
    ),
    Source(
        "task_ended",
        frozenset({"task"}),
        "ended_at",
        "id",
        True,
        _plain(
            "customer_task", "title, userid, due_at, state, ended_by", "ended_at", "id", where="and state <> 'open'"
        ),
        _task_ended,
    ),
    Source(
        "chat_joined",
        frozenset({"chat"}),
        _STAYED,
        "chat_id || '/' || number",
        False,
        _stays(_STAYED, "join_scene, invitor", ""),
        _joined,
    ),
    Source(
        "chat_left",
        frozenset({"chat"}),
        "left_at",
        "chat_id || '/' || number",
        False,
        _stays("left_at", "quit_scene", "and left_at is not null"),
        _left,
    ),
    Source(
        "pool",
        frozenset({"pool"}),
        "at",
        "id",
        True,
        # Facts tell of several at once there; of who was added or cannot be reached, of one.
        _plain(
            "pool_change",
            "from_userid, to_userid, to_status, why, by_whom",
            "at",
            "id",
            where="and to_status in ('unassigned', 'assigned') and why <> 'reachable'",
        ),
        _pooled,
    ),
)
"""A source's place in this list is its rank."""


def after(rank: int, source: Source, place: Place | None) -> tuple[str, Mapping[str, Any]]:
    """The condition for what comes after a place, and its parameters."""
    if place is None:
        return "", {}
    if rank == place.rank:
        condition = f"and ({source.at}, {source.key}) < (:after_at, :after_key)"
        return condition, {"after_at": place.at, "after_key": place.key}
    sign = "<=" if rank > place.rank else "<"
    return f"and {source.at} {sign} :after_at", {"after_at": place.at}


def types_of(kinds: Sequence[str]) -> list[str] | None:
    """Types of facts of these kinds; None: all."""
    return None if not kinds else sorted(type_ for type_ in FACTS if kind_of_fact(type_) in kinds)
