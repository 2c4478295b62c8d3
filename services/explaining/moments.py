"""Loads what happened to one subject, in the order of time: evidence, facts, decisions, notices and their tries."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from services.explaining.model import Moment
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId

Subjects = Sequence[tuple[str, str]]
NOTICE = ("recipient", "channel", "state", "attempts", "settled_at", "last_error")

_SUBJECTS = "join unnest(cast(:kinds as text[]), cast(:keys as text[])) as s(kind, key) on "


def load_moments(
    connection: Connection,
    tenant_id: TenantId,
    subjects: Subjects,
    *,
    customer_ids: Sequence[int],
    kind: str,
    key: str,
    limit: int,
) -> list[Moment]:
    """The latest `limit` moments, oldest first."""
    tag = key if kind == "tag" else None
    facts = _fact_rows(connection, tenant_id, subjects, tag=tag, limit=limit)
    found = [
        *_evidence(connection, tenant_id, subjects, tag=tag, limit=limit),
        *(_fact(row) for row in facts),
        *_assignments(connection, tenant_id, customer_ids, limit=limit),
        *_stays(connection, tenant_id, kind, [one for _, one in subjects], limit=limit),
        *_intents(connection, tenant_id, subjects, tag=tag, limit=limit),
        *_notices(connection, tenant_id, [row["id"] for row in facts], limit=limit),
        *_removals(connection, tenant_id, [one for _, one in subjects], limit=limit),
    ]
    return in_order(found)[-limit:]


ORDER = (
    *("callback", "run", "evidence", "stay_began", "stay_ended", "fact", "decision", "assignment"),
    *("intent", "notice", "attempt", "removal"),
)
"""Of moments of one time: what is said comes before what follows from it."""


def in_order(moments: Iterable[Moment]) -> list[Moment]:
    return sorted(moments, key=lambda moment: (moment.at, ORDER.index(moment.what)))


def _subjects(subjects: Subjects) -> dict[str, list[str]]:
    return {"kinds": [kind for kind, _ in subjects], "keys": [key for _, key in subjects]}


def _evidence(
    connection: Connection, tenant_id: TenantId, subjects: Subjects, *, tag: str | None, limit: int
) -> Iterable[Moment]:
    rows = fetch_all(
        connection,
        "select e.subject_key, e.kind, e.userid, e.occurred_at, e.details, e.recorded_at, "  # noqa: S608 - constants
        f"'inbox:' || to_char(e.inbox_day, 'YYYYMMDD') || '-' || e.inbox_id as caused_by from evidence e {_SUBJECTS}"
        "e.subject_kind = s.kind and e.subject_key = s.key where e.tenant_id = :tenant_id "
        "and (cast(:tag as text) is null or e.details ->> 'id' = :tag) "
        "order by e.occurred_at desc, e.id desc limit :limit",
        tenant_id=tenant_id,
        tag=tag,
        limit=limit,
        **_subjects(subjects),
    )
    for row in rows:
        details = {"userid": row["userid"], **row["details"]}
        yield Moment(
            row["occurred_at"], "evidence", row["kind"], _stated(details), row["recorded_at"], "event", row["caused_by"]
        )


def _fact_rows(
    connection: Connection, tenant_id: TenantId, subjects: Subjects, *, tag: str | None, limit: int
) -> Sequence[Row]:
    """`tag`: of what was wanted of the catalogue, only that which is about this tag or group."""
    return fetch_all(
        connection,
        "select f.id, f.type, f.occurred_at, f.recorded_at, f.cause, f.caused_by, f.payload "  # noqa: S608 - constants
        f"from fact f {_SUBJECTS}f.subject_kind = s.kind and f.subject_key = s.key where f.tenant_id = :tenant_id "
        "and (cast(:tag as text) is null or not f.payload ? 'intent_id' "
        "or :tag in (split_part(f.payload ->> 'field', ':', 2), f.payload ->> 'made_id')) "
        "order by f.id desc limit :limit",
        tenant_id=tenant_id,
        tag=tag,
        limit=limit,
        **_subjects(subjects),
    )


def _fact(row: Row) -> Moment:
    return Moment(
        row["occurred_at"],
        "fact",
        row["type"],
        _stated(row["payload"]),
        row["recorded_at"],
        row["cause"],
        row["caused_by"],
    )


def _assignments(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[int], *, limit: int
) -> Iterable[Moment]:
    rows = fetch_all(
        connection,
        "select 'assignment' as what, why as code, at, recorded_at, by_whom, from_userid, to_userid, "
        "cast(null as boolean) as ignored from assignment_change where tenant_id = :tenant_id "
        "and customer_id = any(:ids) union all select 'decision', 'operator', decided_at, null, by_whom, null, "
        "to_userid, ignored from assignment_decision where tenant_id = :tenant_id and customer_id = any(:ids) "
        "order by at desc limit :limit",
        tenant_id=tenant_id,
        ids=list(customer_ids),
        limit=limit,
    )
    for row in rows:
        details = {name: row[name] for name in ("from_userid", "to_userid", "by_whom", "ignored")}
        yield Moment(row["at"], row["what"], row["code"], _stated(details), row["recorded_at"])


def _stays(
    connection: Connection, tenant_id: TenantId, kind: str, keys: Sequence[str], *, limit: int
) -> Iterable[Moment]:
    """Of a chat: who came and went. Of a person: in which chats."""
    column = {"chat": "chat_id", "customer": "member_id", "associate": "member_id"}.get(kind)
    if column is None:
        return
    rows = fetch_all(
        connection,
        "select chat_id, member_id, joined_at, joined_by, join_scene, invitor, left_at, left_by, quit_scene, "  # noqa: S608
        f"observed_at, cause, caused_by from group_member where tenant_id = :tenant_id and {column} = any(:keys) "
        "order by coalesce(left_at, joined_at, observed_at) desc limit :limit",
        tenant_id=tenant_id,
        keys=list(keys),
        limit=limit,
    )
    for row in rows:
        who = {"chat_id": row["chat_id"], "member_id": row["member_id"]}
        why = (row["observed_at"], row["cause"], row["caused_by"])
        joined = {**who, "by": row["joined_by"], "scene": row["join_scene"], "invitor": row["invitor"]}
        yield Moment(row["joined_at"] or row["observed_at"], "stay_began", "joined", _stated(joined), *why)
        if row["left_at"] is not None:
            left = {**who, "by": row["left_by"], "scene": row["quit_scene"]}
            yield Moment(row["left_at"], "stay_ended", "left", _stated(left), *why)


def _intents(
    connection: Connection, tenant_id: TenantId, subjects: Subjects, *, tag: str | None, limit: int
) -> Iterable[Moment]:
    """What people or rules wanted of WeCom; the value stays out, it may be a remark."""
    rows = fetch_all(
        connection,
        "select i.field, i.author, i.source, i.reason, i.state, i.refusal, i.created_at, i.settled_at "  # noqa: S608
        f"from intent i {_SUBJECTS}i.subject_kind = s.kind and i.subject_key = s.key where i.tenant_id = :tenant_id "
        "and (cast(:tag as text) is null or :tag in (split_part(i.field, ':', 2), i.made_id)) "
        "order by i.id desc limit :limit",
        tenant_id=tenant_id,
        tag=tag,
        limit=limit,
        **_subjects(subjects),
    )
    for row in rows:
        yield Moment(row["created_at"], "intent", row["state"], _stated({k: v for k, v in row.items() if k != "state"}))


def _notices(connection: Connection, tenant_id: TenantId, fact_ids: Sequence[int], *, limit: int) -> Iterable[Moment]:
    rows = fetch_all(
        connection,
        "select id, notice, channel, recipient, state, attempts, created_at, settled_at, last_error from outbox "
        "where tenant_id = :tenant_id and fact_id = any(:ids) order by id desc limit :limit",
        tenant_id=tenant_id,
        ids=list(fact_ids),
        limit=limit,
    )
    names = {row["id"]: row["notice"] for row in rows}
    for row in rows:
        details = {
            name: row[name] for name in ("recipient", "channel", "state", "attempts", "settled_at", "last_error")
        }
        yield Moment(row["created_at"], "notice", row["notice"], _stated(details))
    tries = fetch_all(
        connection,
        "select parent_id, number, started_at, finished_at, outcome, code, detail from attempt "
        "where tenant_id = :tenant_id and parent_kind = 'outbox' and parent_id = any(:ids) "
        "order by id desc limit :limit",
        tenant_id=tenant_id,
        ids=list(names),
        limit=limit,
    )
    for row in tries:
        details = {"notice": names[row["parent_id"]], "number": row["number"], "errcode": row["code"]}
        details |= {"detail": row["detail"], "finished_at": row["finished_at"]}
        yield Moment(row["started_at"], "attempt", row["outcome"], _stated(details))


def _removals(connection: Connection, tenant_id: TenantId, keys: Sequence[str], *, limit: int) -> Iterable[Moment]:
    """Removals that wait for a person, or did."""
    rows = fetch_all(
        connection,
        "select p.checksum, p.state, p.made_at, p.decided_by, p.applied_at, o.action, o.userid from removal_plan p "
        "join removal_operation o on o.tenant_id = p.tenant_id and o.plan_id = p.id where p.tenant_id = :tenant_id "
        "and p.state in ('refused', 'approved', 'applied') and o.subject_key = any(:keys) "
        "order by p.made_at desc limit :limit",
        tenant_id=tenant_id,
        keys=list(keys),
        limit=limit,
    )
    for row in rows:
        details = {name: row[name] for name in ("action", "userid", "checksum", "decided_by", "applied_at")}
        yield Moment(row["made_at"], "removal", row["state"], _stated(details))


def _stated(details: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in details.items() if value is not None and value != ""}
