"""What a full pass over the directory did not show: looked at one by one, and gone only when that bears it out.

Rows of `sync_absence`: of a member with an empty external_userid, of a department with its id there and no userid.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId
from shared.plans import Operation

DEPARTMENTS, PAGE, PLACES = "departments", "page", "places"
"""Kinds of blocks: all departments; the members of some departments; all members by contact sync, ids only."""
ASSOCIATE_LEFT, OUTLET_REMOVED = "associate_left", "outlet_removed"
"""Actions of a plan that waits for a person."""

_SHOWN = (
    "select distinct u.userid from sync_seen s join sync_block b on b.tenant_id = s.tenant_id and b.run_id = s.run_id "
    "and b.number = s.block, unnest(s.userids) as u(userid) "
    "where s.tenant_id = :tenant_id and s.run_id = :run_id and b.kind = "
)


@dataclass(frozen=True)
class Missing:
    """A member or a department that the walk did not show. `confirmed_at`: start of the read that did not either."""

    userid: UserId | None
    department_id: int | None
    confirmed_at: datetime | None = None

    @property
    def operation(self) -> Operation:
        if self.userid is not None:
            return Operation(self.userid, ASSOCIATE_LEFT)
        return Operation(str(self.department_id), OUTLET_REMOVED)


def was_given_up(connection: Connection, tenant_id: TenantId, run_id: int) -> bool:
    """Whether a part of the walk could not be read: then nothing is concluded from it."""
    row = fetch_one(
        connection,
        "select 1 from sync_block where tenant_id = :tenant_id and run_id = :run_id and kind = 'given_up' limit 1",
        tenant_id=tenant_id,
        run_id=run_id,
    )
    return row is not None


def shown_departments(connection: Connection, tenant_id: TenantId, run_id: int) -> list[str]:
    rows = fetch_all(
        connection, _SHOWN + ":kind order by u.userid", tenant_id=tenant_id, run_id=run_id, kind=DEPARTMENTS
    )
    return [row["userid"] for row in rows]


def note_missing_outlets(connection: Connection, tenant_id: TenantId, run_id: int) -> int:
    return run(
        connection,
        f"with shown as ({_SHOWN} :kind) "  # noqa: S608 - a constant
        "insert into sync_absence (tenant_id, run_id, external_userid, userid, reason) "
        "select :tenant_id, :run_id, cast(o.department_id as text), '', 'missing' from outlet o "
        "where o.tenant_id = :tenant_id and o.in_sight and o.gone_at is null "
        "and not exists (select from shown s where s.userid = cast(o.department_id as text)) on conflict do nothing",
        tenant_id=tenant_id,
        run_id=run_id,
        kind=DEPARTMENTS,
    )


def note_missing_members(connection: Connection, tenant_id: TenantId, run_id: int, *, listed: bool) -> int:
    """Note who is known and was not shown, and whom contact sync lists although they are known to have left.

    `listed`: contact sync has been walked, too. Then somebody out of the app's sight is looked at when it does not
    list them any more; without it, nothing new can be learnt of them.
    """
    return run(
        connection,
        f"with shown as materialized ({_SHOWN} :page), "  # noqa: S608 - a constant
        f"listed as materialized ({_SHOWN} :places) "
        "insert into sync_absence (tenant_id, run_id, external_userid, userid, reason) "
        "select :tenant_id, :run_id, '', a.userid, case when a.in_sight then 'missing' else 'not_in_sight' end "
        "from associate a left join shown s on s.userid = a.userid left join listed l on l.userid = a.userid "
        "where a.tenant_id = :tenant_id and a.renamed_to is null and s.userid is null and ("
        "(a.gone_at is null and a.in_sight) "
        "or (a.gone_at is null and :listed and l.userid is null) "
        "or (a.gone_at is not null and l.userid is not null)) on conflict do nothing",
        tenant_id=tenant_id,
        run_id=run_id,
        page=PAGE,
        places=PLACES,
        listed=listed,
    )


def add_listed(connection: Connection, tenant_id: TenantId, run_id: int, *, cause: str, at: datetime) -> int:
    """Make known, by their ids, those whom contact sync lists and the app does not see; `at` is the walk's start."""
    return run(
        connection,
        f"with listed as ({_SHOWN} :places) "  # noqa: S608 - a constant
        "insert into associate (tenant_id, userid, has_contact, in_sight, observed_at, seen_at, cause, caused_by) "
        "select :tenant_id, l.userid, false, false, :at, :at, :cause, 'run:' || :run_id from listed l "
        "where not exists (select from associate a where a.tenant_id = :tenant_id and a.userid = l.userid) "
        "order by l.userid on conflict do nothing",
        tenant_id=tenant_id,
        run_id=run_id,
        places=PLACES,
        cause=cause,
        at=at,
    )


def listed_among(connection: Connection, tenant_id: TenantId, run_id: int, userids: Collection[UserId]) -> set[UserId]:
    """Those whom contact sync lists."""
    rows = fetch_all(
        connection,
        f"select userid from ({_SHOWN} :places) l where userid = any(:userids)",  # noqa: S608 - a constant
        tenant_id=tenant_id,
        run_id=run_id,
        places=PLACES,
        userids=sorted(set(userids)),
    )
    return {UserId(row["userid"]) for row in rows}


def next_unconfirmed(connection: Connection, tenant_id: TenantId, run_id: int, *, limit: int) -> list[Missing]:
    return _missing(connection, tenant_id, run_id, "confirmed_at is null", limit=limit)


def next_removals(connection: Connection, tenant_id: TenantId, run_id: int, *, limit: int) -> list[Missing]:
    """The next that are to go: nothing but their absence says so, and nothing speaks against it."""
    return _missing(connection, tenant_id, run_id, "verdict = 'associate_left' and applied_at is null", limit=limit)


def _missing(
    connection: Connection, tenant_id: TenantId, run_id: int, condition: str, *, limit: int | None
) -> list[Missing]:
    rows = fetch_all(
        connection,
        "select external_userid, userid, confirmed_at from sync_absence "  # noqa: S608 - constants above
        f"where tenant_id = :tenant_id and run_id = :run_id and {condition} "
        "order by external_userid, userid limit :limit",
        tenant_id=tenant_id,
        run_id=run_id,
        limit=limit,
    )
    return [
        Missing(
            UserId(row["userid"]) if row["userid"] else None,
            int(row["external_userid"]) if row["external_userid"] else None,
            row["confirmed_at"],
        )
        for row in rows
    ]


def all_removals(connection: Connection, tenant_id: TenantId, run_id: int) -> list[Missing]:
    """All that are to go; directories are small."""
    return _missing(connection, tenant_id, run_id, "verdict = 'associate_left'", limit=None)


def record_verdicts(
    connection: Connection, tenant_id: TenantId, run_id: int, looked_at: Sequence[Missing], going: Collection[Missing]
) -> None:
    """Note when each was looked at, and which of them are to go."""
    _update(
        connection,
        "confirmed_at = r.at, verdict = case when r.going then 'associate_left' else 'still_there' end",
        tenant_id,
        run_id,
        [{**_key(one), "at": one.confirmed_at, "going": one in going} for one in looked_at],
    )


def mark_applied(
    connection: Connection, tenant_id: TenantId, run_id: int, removed: Sequence[Missing], *, now: datetime
) -> None:
    _update(
        connection, "applied_at = r.at", tenant_id, run_id, [{**_key(one), "at": now, "going": True} for one in removed]
    )


def _key(one: Missing) -> dict[str, str]:
    return {"contact": "" if one.department_id is None else str(one.department_id), "userid": one.userid or ""}


def _update(
    connection: Connection, change: str, tenant_id: TenantId, run_id: int, rows: Sequence[dict[str, object]]
) -> None:
    run(
        connection,
        f"update sync_absence a set {change} "  # noqa: S608 - constants above
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(contact text, userid text, at timestamptz, going boolean) "
        "where a.tenant_id = :tenant_id and a.run_id = :run_id and a.external_userid = r.contact "
        "and a.userid = r.userid",
        tenant_id=tenant_id,
        run_id=run_id,
        rows=as_json(rows),
    )


def count_known(connection: Connection, tenant_id: TenantId) -> tuple[int, int]:
    """How many associates and how many outlets there are."""
    row = fetch_one(
        connection,
        "select (select count(*) from associate where tenant_id = :tenant_id and gone_at is null "
        "and renamed_to is null) as associates, "
        "(select count(*) from outlet where tenant_id = :tenant_id and gone_at is null) as outlets",
        tenant_id=tenant_id,
    )
    assert row is not None
    return row["associates"], row["outlets"]
