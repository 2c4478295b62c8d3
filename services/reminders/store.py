"""Rows of reminders' switches, and who is above whom."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection

from services.reminders.model import Policy, Quiet, Wish
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import TenantId, UserId

_WISHED = tuple(Wish.__dataclass_fields__)


def load_policy(connection: Connection, tenant_id: TenantId) -> Policy:
    """All that the corp has set; what it has not is usual. One look, since each commit with notices takes it."""
    row = fetch_one(
        connection,
        "select (select to_jsonb(p) from reminder_policy p where p.tenant_id = :tenant_id) as policy, "
        "(select coalesce(jsonb_agg(to_jsonb(s)), '[]') from reminder_switch s where s.tenant_id = :tenant_id) "
        "as wishes, "
        "(select coalesce(jsonb_agg(to_jsonb(q)), '[]') from quiet_time q where q.tenant_id = :tenant_id) as own_quiet",
        tenant_id=tenant_id,
    )
    assert row is not None
    policy = row["policy"] or {}
    return Policy(
        stages_on=policy.get("stages_on", True),
        administrators=tuple(policy.get("administrators", ())),
        undeliverable=policy.get("undeliverable", "superior"),
        quiet=_quiet(policy),
        own_quiet={one["userid"]: _quiet(one) for one in row["own_quiet"]},
        wishes={
            (one["notice"], one["stage_id"]): Wish(**{name: one[name] for name in _WISHED}) for one in row["wishes"]
        },
    )


def _quiet(row: Mapping[str, Any]) -> Quiet | None:
    if row.get("quiet_from") is None:
        return None
    return Quiet(time.fromisoformat(row["quiet_from"]), time.fromisoformat(row["quiet_until"]))


def superiors_of(
    connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]
) -> dict[UserId, tuple[UserId, ...]]:
    """Who is above each, as far as the directory shows it: their direct leaders, else the leaders of the nearest of
    their departments upwards that somebody else leads. Only people who are there and can be seen.
    """
    rows = fetch_all(connection, ABOVE, tenant_id=tenant_id, userids=sorted(set(userids)))
    return {UserId(row["userid"]): tuple(UserId(one) for one in row["above"]) for row in rows}


ABOVE = """
with recursive asked as (
  select userid, main_department_id, coalesce(direct_leaders, '{}') as leaders from associate
  where tenant_id = :tenant_id and userid = any(:userids)),
usable as (select userid from associate where tenant_id = :tenant_id and gone_at is null and in_sight),
direct as (
  select a.userid, array_agg(l.one order by l.n) as above from asked a
  cross join lateral unnest(a.leaders) with ordinality as l(one, n)
  where l.one <> a.userid and l.one in (select userid from usable) group by 1),
climb as (
  select a.userid, a.main_department_id as department_id, 0 as height from asked a
  where a.userid not in (select userid from direct)
  union all
  select c.userid, o.parent_id, c.height + 1 from climb c
  join outlet o on o.tenant_id = :tenant_id and o.department_id = c.department_id
  where o.parent_id is not null and c.height < 20),
led as (
  select distinct on (c.userid) c.userid, f.above from climb c
  cross join lateral (
    select array_agg(u.userid order by u.userid) as above from associate u
    where u.tenant_id = :tenant_id and u.gone_at is null and u.in_sight and u.userid <> c.userid
      and u.leader_in @> array[c.department_id]) f
  where f.above is not null order by c.userid, c.height)
select userid, above from direct union all select userid, above from led
"""


def ask_review(connection: Connection, tenant_id: TenantId, *, recipient: str = "", notice: str = "") -> None:
    """What waits is looked at anew by the settings of this commit, by a thread of the workers; "" is all."""
    run(
        connection,
        "insert into reminder_review (tenant_id, recipient, notice) values (:tenant_id, :recipient, :notice) "
        "on conflict (tenant_id, recipient, notice) do update set reached = 0",
        tenant_id=tenant_id,
        recipient=recipient,
        notice=notice,
    )


def record_wish(
    connection: Connection, tenant_id: TenantId, notice: str, stage_id: int, wish: Wish, *, by: str, now: datetime
) -> None:
    """In place of what was set before."""
    names = ", ".join(_WISHED)
    run(
        connection,
        f"insert into reminder_switch (tenant_id, notice, stage_id, {names}, updated_at, updated_by) "  # noqa: S608
        f"values (:tenant_id, :notice, :stage_id, {', '.join(':' + name for name in _WISHED)}, :now, :by) "
        "on conflict (tenant_id, notice, stage_id) do update set (updated_at, updated_by, "
        f"{names}) = (excluded.updated_at, excluded.updated_by, {', '.join('excluded.' + n for n in _WISHED)})",
        tenant_id=tenant_id,
        notice=notice,
        stage_id=stage_id,
        now=now,
        by=by,
        **vars(wish),
    )
    ask_review(connection, tenant_id, notice=notice)


def record_policy(connection: Connection, tenant_id: TenantId, policy: Policy, *, by: str, now: datetime) -> None:
    """The corp's own row: all of the policy but wishes and associates' own quiet hours."""
    run(
        connection,
        "insert into reminder_policy (tenant_id, stages_on, administrators, undeliverable, quiet_from, quiet_until, "
        "updated_at, updated_by) values (:tenant_id, :stages_on, :administrators, :undeliverable, :start, :end, :now, "
        ":by) on conflict (tenant_id) do update set stages_on = excluded.stages_on, "
        "administrators = excluded.administrators, undeliverable = excluded.undeliverable, "
        "quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, updated_at = excluded.updated_at, "
        "updated_by = excluded.updated_by",
        tenant_id=tenant_id,
        stages_on=policy.stages_on,
        administrators=list(policy.administrators),
        undeliverable=policy.undeliverable,
        start=policy.quiet.start if policy.quiet else None,
        end=policy.quiet.end if policy.quiet else None,
        now=now,
        by=by,
    )
    ask_review(connection, tenant_id)


def record_own_quiet(
    connection: Connection, tenant_id: TenantId, userid: UserId, quiet: Quiet | None, *, by: str, now: datetime
) -> None:
    """None: this associate has no quiet hours, whatever the corp's are."""
    run(
        connection,
        "insert into quiet_time (tenant_id, userid, quiet_from, quiet_until, updated_at, updated_by) "
        "values (:tenant_id, :userid, :start, :end, :now, :by) on conflict (tenant_id, userid) do update set "
        "quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, updated_at = excluded.updated_at, "
        "updated_by = excluded.updated_by",
        tenant_id=tenant_id,
        userid=userid,
        start=quiet.start if quiet else None,
        end=quiet.end if quiet else None,
        now=now,
        by=by,
    )
    ask_review(connection, tenant_id, recipient=userid)


def delete_own_quiet(connection: Connection, tenant_id: TenantId, userid: UserId) -> bool:
    """Whether the associate had quiet hours of their own; the corp's are theirs now."""
    ask_review(connection, tenant_id, recipient=userid)
    return bool(
        run(
            connection,
            "delete from quiet_time where tenant_id = :tenant_id and userid = :userid",
            tenant_id=tenant_id,
            userid=userid,
        )
    )


def unknown_associates(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> list[UserId]:
    """Those who are not there."""
    asked = sorted(set(userids))
    rows = fetch_all(
        connection,
        "select userid from associate where tenant_id = :tenant_id and userid = any(:userids) and gone_at is null",
        tenant_id=tenant_id,
        userids=asked,
    )
    return sorted(set(asked) - {row["userid"] for row in rows})


def knows_stage(connection: Connection, tenant_id: TenantId, stage_id: int) -> bool:
    row = fetch_one(
        connection,
        "select 1 as one from stage where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=stage_id,
    )
    return row is not None


def move_userid(connection: Connection, tenant_id: TenantId, old: UserId, new: UserId) -> None:
    """An administrator stays one under the new userid, and quiet hours stay theirs."""
    run(
        connection,
        "update reminder_policy set administrators = array_replace(administrators, :old, :new) "
        "where tenant_id = :tenant_id and :old = any(administrators)",
        tenant_id=tenant_id,
        old=old,
        new=new,
    )
    run(
        connection,
        "update quiet_time q set userid = :new where tenant_id = :tenant_id and userid = :old and not exists "
        "(select from quiet_time n where n.tenant_id = q.tenant_id and n.userid = :new)",
        tenant_id=tenant_id,
        old=old,
        new=new,
    )
