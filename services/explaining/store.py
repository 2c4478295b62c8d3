"""Loads what is known of one subject, its rows and its history. Reads only; for one subject at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from services.explaining.model import Account, Moment, Origin, Present, RequestState
from services.explaining.moments import in_order, load_moments
from services.tags.model import TAG_CATALOGUE
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId

RECENT = 200


@dataclass(frozen=True)
class Found:
    """What an id stands for: its rows, and the subjects under which its history is kept."""

    rows: tuple[Present, ...]
    subjects: tuple[tuple[str, str], ...]
    customer_ids: tuple[int, ...] = ()


def explain(
    connection: Connection, tenant_id: TenantId, kind: str, key: str, *, recent: int = RECENT
) -> Account | None:
    """`kind` is one of model.KINDS; None when nothing is known of `key`. The latest `recent` moments, oldest first."""
    found = FIND[kind](connection, tenant_id, key)
    requests = _load_requests(connection, tenant_id, found.subjects)
    moments = load_moments(
        connection, tenant_id, found.subjects, customer_ids=found.customer_ids, kind=kind, key=key, limit=recent + 1
    )
    # Of an unknown tag the catalogue is read as of any other: that says nothing of it.
    if not found.rows and not moments and all(one.kind == TAG_CATALOGUE for one in requests):
        return None
    shown = moments[-recent:]
    named = {
        *(one.caused_by for one in found.rows),
        *(one.caused_by for one in requests),
        *(one.caused_by for one in shown),
    } - {None}
    origins = _load_origins(connection, tenant_id, sorted(str(one) for one in named))
    history = in_order([*shown, *(_beginning(origin) for origin in origins.values())])
    more = len(moments) > len(shown)
    return Account(kind, key, found.rows, tuple(requests), tuple(history), origins, more)


def _beginning(origin: Origin) -> Moment:
    """A callback or a pass that something followed from, as a moment of the history."""
    values = dict(origin.values)
    at = values.pop("occurred_at", None) or values.get("received_at") or values.pop("started_at")
    assert isinstance(at, datetime)
    code = str(values.pop("change", None) or values.pop("event", None) or values.pop("kind"))
    return Moment(
        at, origin.kind, code, {name: value for name, value in values.items() if name != "event"} | {"id": origin.name}
    )


def tenants_of(connection: Connection, kind: str, key: str, tenant_ids: Sequence[TenantId]) -> list[TenantId]:
    """Those that know the id: two corps have different ids for one customer, but tags or members may be named alike."""
    return [one for one in tenant_ids if FIND[kind](connection, one, key).rows]


def _load_requests(
    connection: Connection, tenant_id: TenantId, subjects: Sequence[tuple[str, str]]
) -> list[RequestState]:
    rows = fetch_all(
        connection,
        "select q.* from request q join unnest(cast(:kinds as text[]), cast(:keys as text[])) as s(kind, key) "
        "on q.subject_kind = s.kind and q.subject_key = s.key where q.tenant_id = :tenant_id "
        "order by q.subject_kind, q.subject_key",
        tenant_id=tenant_id,
        kinds=[kind for kind, _ in subjects],
        keys=[key for _, key in subjects],
    )
    return [
        RequestState(
            kind=row["subject_kind"],
            key=row["subject_key"],
            open=row["generation"] > row["settled_generation"] and row["dead_at"] is None,
            **{name: row[name] for name in RequestState.__dataclass_fields__ if name not in ("kind", "key", "open")},
        )
        for row in rows
    ]


def _find_customer(connection: Connection, tenant_id: TenantId, key: str) -> Found:
    number = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None
    contacts = fetch_all(
        connection,
        "select e.external_userid, e.customer_id, e.type, e.observed_at, e.cause, e.caused_by, c.standing, "
        "c.assigned_userid, c.assigned_at, c.merged_into from external_contact e left join customer c "
        "on c.tenant_id = e.tenant_id and c.id = e.customer_id where e.tenant_id = :tenant_id "
        "and (e.external_userid = :key or e.customer_id = :number) order by e.external_userid",
        tenant_id=tenant_id,
        key=key,
        number=number,
    )
    keys = sorted({row["external_userid"] for row in contacts} | ({key} if number is None else set()))
    relations = fetch_all(
        connection,
        "select external_userid || ' / ' || userid as name, state, half_at, started_at, ended_at, ended_by, "
        "nullif(jsonb_array_length(past), 0) as earlier_friendships, add_way, oper_userid, corp_tag_ids, observed_at, "
        "cause, caused_by from relation where tenant_id = :tenant_id and external_userid = any(:keys) "
        "order by external_userid, started_at, userid",
        tenant_id=tenant_id,
        keys=keys,
    )
    rows = [_present("external_contact", row["external_userid"], row, "external_userid") for row in contacts]
    rows += [_present("relation", row["name"], row, "name") for row in relations]
    customer_ids = sorted({row["customer_id"] for row in contacts if row["customer_id"] is not None})
    subjects = [("external_contact", one) for one in keys] + [("customer", str(one)) for one in customer_ids]
    return Found(tuple(rows), tuple(subjects), tuple(customer_ids))


def _find_chat(connection: Connection, tenant_id: TenantId, key: str) -> Found:
    rows = fetch_all(
        connection,
        "select owner_userid, status, created_at, member_version, member_count, dismissed_at, out_of_sight_at, "
        "observed_at, cause, caused_by from group_chat where tenant_id = :tenant_id and chat_id = :key",
        tenant_id=tenant_id,
        key=key,
    )
    return Found(tuple(_present("group_chat", key, row) for row in rows), (("group_chat", key),))


def _find_tag(connection: Connection, tenant_id: TenantId, key: str) -> Found:
    """A tag or a group of tags; both are read with the whole catalogue."""
    columns = "sort, created_at, shown_at, deleted_at, missing_at, observed_at, cause, caused_by"
    groups = fetch_all(
        connection,
        f"select {columns}, (select count(*) from tag t where t.tenant_id = g.tenant_id "  # noqa: S608 - constants
        "and t.group_id = g.group_id and t.deleted_at is null) as tags from tag_group g "
        "where tenant_id = :tenant_id and group_id = :key",
        tenant_id=tenant_id,
        key=key,
    )
    tags = fetch_all(
        connection,
        f"select group_id, {columns} from tag where tenant_id = :tenant_id and tag_id = :key",  # noqa: S608
        tenant_id=tenant_id,
        key=key,
    )
    rows = [_present("tag_group", key, row) for row in groups] + [_present("tag", key, row) for row in tags]
    return Found(tuple(rows), (("tag", key), ("tag_group", key), ("tag_catalogue", "corp")))


def _find_associate(connection: Connection, tenant_id: TenantId, key: str) -> Found:
    rows = fetch_all(
        connection,
        "select main_department_id, department_ids, leader_in, direct_leaders, status, in_sight, has_contact, "
        "joined_at, gone_at, renamed_to, observed_at, cause, caused_by, (select jsonb_object_agg(state, n) from "
        "(select state, count(*) as n from relation r where r.tenant_id = a.tenant_id and r.userid = a.userid "
        "group by state) s) as relations from associate a where tenant_id = :tenant_id and userid = :key",
        tenant_id=tenant_id,
        key=key,
    )
    aliases = fetch_all(
        connection,
        "select old_userid, new_userid, renamed_at, ended_at, cause, caused_by from userid_alias "
        "where tenant_id = :tenant_id and (old_userid = :key or new_userid = :key) order by renamed_at",
        tenant_id=tenant_id,
        key=key,
    )
    found = [_present("associate", key, row) for row in rows]
    found += [_present("userid_alias", f"{row['old_userid']} → {row['new_userid']}", row) for row in aliases]
    names = sorted({key, *(row["old_userid"] for row in aliases if row["new_userid"] == key)})
    return Found(tuple(found), tuple(("associate", one) for one in names))


def _find_outlet(connection: Connection, tenant_id: TenantId, key: str) -> Found:
    rows = fetch_all(
        connection,
        "select parent_id, sort, leaders, in_sight, added_at, gone_at, observed_at, cause, caused_by, (select count(*) "
        "from associate a where a.tenant_id = o.tenant_id and a.main_department_id = o.department_id "
        "and a.gone_at is null) as members from outlet o where tenant_id = :tenant_id "
        "and cast(department_id as text) = :key",
        tenant_id=tenant_id,
        key=key,
    )
    return Found(tuple(_present("outlet", key, row) for row in rows), (("outlet", key),))


FIND = {
    "customer": _find_customer,
    "chat": _find_chat,
    "tag": _find_tag,
    "associate": _find_associate,
    "outlet": _find_outlet,
}


def _present(table: str, key: str, row: Row, *left_out: str) -> Present:
    provenance: dict[str, Any] = {name: row.get(name) for name in ("observed_at", "cause", "caused_by")}
    values = {
        name: value
        for name, value in row.items()
        if name not in provenance and name not in left_out and value is not None and value != []
    }
    return Present(table, key, values, **provenance)


def _load_origins(connection: Connection, tenant_id: TenantId, names: Sequence[str]) -> dict[str, Origin]:
    callbacks = [place for name in names if (place := _place(name)) is not None]
    found = {}
    for row in fetch_all(
        connection,
        "select to_char(i.day, 'YYYYMMDD') || '-' || i.id as id, i.event, i.change, i.state, i.occurred_at, "
        "i.received_at, i.routed_at from inbox i join unnest(cast(:days as date[]), cast(:ids as bigint[])) "
        "as n(day, id) on i.day = n.day and i.id = n.id where i.tenant_id = :tenant_id and i.day = any(:days)",
        tenant_id=tenant_id,
        days=[day for day, _ in callbacks],
        ids=[number for _, number in callbacks],
    ):
        name = f"inbox:{row['id']}"
        found[name] = Origin(name, "callback", {k: v for k, v in row.items() if k != "id" and v})
    for row in fetch_all(
        connection,
        "select id, kind, resource, state, asked_by, started_at, finished_at from sync_run "
        "where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=[int(name[4:]) for name in names if name.startswith("run:") and name[4:].isdigit()],
    ):
        name = f"run:{row['id']}"
        found[name] = Origin(name, "run", {k: v for k, v in row.items() if k != "id" and v})
    return found


def _place(name: str) -> tuple[date, int] | None:
    """Day and number of a callback's row, from inbox:20261122-17."""
    day, _, number = name.removeprefix("inbox:").partition("-")
    if not name.startswith("inbox:") or not number.isdigit() or len(day) != 8 or not day.isdigit():
        return None
    try:
        return date(int(day[:4]), int(day[4:6]), int(day[6:])), int(number)
    except ValueError:
        return None
