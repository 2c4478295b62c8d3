"""Rows of SOP rules. Who changes one has locked it; who looks at its enrolments only sees to it that nobody does."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter
from sqlalchemy import Connection

from services.finding.userids import with_userid
from services.sops.check import signals_of
from services.sops.model import BY_DAY, NoSopError, Rule, RuleState, Spec, Subject
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId
from shared.tenants import Tenant

SPEC = "sop_rule.spec"
_specs: TypeAdapter[Spec] = TypeAdapter(Spec)
Lock = Literal["change", "enter", "look"]
_LOCKS = {"change": "for update", "enter": "for no key update", "look": "for key share"}
"""Nobody looks while a rule is changed: once `stop` is answered, nothing more is told. Entering waits for entering."""


def read_spec(stored: bytes) -> Spec:
    """From JSON, decrypted."""
    return _specs.validate_json(stored)


def _rule(tenant: Tenant, row: Row) -> Rule:
    return Rule(
        id=row["id"],
        name=row["name"],
        subject=row["subject"],
        state=RuleState(row["state"]),
        spec=read_spec(tenant.cipher.decrypt(row["spec"], SPEC)),
        version=row["version"],
        last_step_id=row["last_step_id"],
        running_since=row["running_since"],
        made_at=row["made_at"],
        made_by=row["made_by"],
        changed_at=row["changed_at"],
        run_day=row["run_day"],
        deleted_at=row["deleted_at"],
        problem=row["problem"],
    )


def load_rules(connection: Connection, tenant: Tenant, ids: Iterable[int] | None = None) -> list[Rule]:
    """Those that stand, by id; all, or some."""
    rows = fetch_all(
        connection,
        "select * from sop_rule where tenant_id = :tenant_id and deleted_at is null "
        "and (cast(:ids as bigint[]) is null or id = any(:ids)) order by id",
        tenant_id=tenant.id,
        ids=None if ids is None else sorted(set(ids)),
    )
    return [_rule(tenant, row) for row in rows]


def lock_rules(connection: Connection, tenant: Tenant, ids: Sequence[int], lock: Lock) -> list[Rule]:
    """Those of them that stand, in the order of their ids, until the transaction ends."""
    rows = fetch_all(
        connection,
        "select * from sop_rule where tenant_id = :tenant_id and id = any(:ids) and deleted_at is null "  # noqa: S608
        f"order by id {_LOCKS[lock]}",
        tenant_id=tenant.id,
        ids=sorted(set(ids)),
    )
    return [_rule(tenant, row) for row in rows]


def lock_rule(connection: Connection, tenant: Tenant, rule_id: int, lock: Lock) -> Rule:
    """
    Raises:
        NoSopError
    """
    found = lock_rules(connection, tenant, [rule_id], lock)
    if not found:
        raise NoSopError("there is no such SOP rule")
    return found[0]


def load_rule(connection: Connection, tenant: Tenant, rule_id: int) -> Rule:
    """
    Raises:
        NoSopError
    """
    found = load_rules(connection, tenant, [rule_id])
    if not found:
        raise NoSopError("there is no such SOP rule")
    return found[0]


def name_taken(connection: Connection, tenant_id: TenantId, name: str, *, but: int | None = None) -> bool:
    row = fetch_one(
        connection,
        "select from sop_rule where tenant_id = :tenant_id and name = :name and deleted_at is null "
        "and id is distinct from cast(:but as bigint)",
        tenant_id=tenant_id,
        name=name,
        but=but,
    )
    return row is not None


def record_rule(
    connection: Connection,
    tenant: Tenant,
    *,
    name: str,
    subject: Subject,
    spec: Spec,
    last_step_id: int,
    by: str,
    now: datetime,
) -> Rule:
    """A new one, which is stopped."""
    row = fetch_one(
        connection,
        "insert into sop_rule (tenant_id, name, subject, state, spec, last_step_id, by_day, made_at, made_by, "
        "changed_at, changed_by) values (:tenant_id, :name, :subject, 'stopped', :spec, :last_step_id, :by_day, :now, "
        ":by, :now, :by) returning *",
        tenant_id=tenant.id,
        name=name,
        subject=subject,
        spec=tenant.cipher.encrypt(_specs.dump_json(spec), SPEC),
        last_step_id=last_step_id,
        by_day=spec.trigger.kind in BY_DAY,
        now=now,
        by=by,
    )
    assert row is not None
    record_signals(connection, tenant.id, row["id"], spec)
    return _rule(tenant, row)


def record_edit(
    connection: Connection,
    tenant: Tenant,
    rule_id: int,
    *,
    name: str,
    spec: Spec,
    last_step_id: int,
    by: str,
    now: datetime,
) -> None:
    """The caller has locked the rule for a change; who is on the way is planned anew within seconds."""
    run(
        connection,
        "update sop_rule set name = :name, spec = :spec, last_step_id = :last_step_id, version = version + 1, "
        "problem = null, by_day = :by_day, changed_at = :now, changed_by = :by "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=rule_id,
        name=name,
        spec=tenant.cipher.encrypt(_specs.dump_json(spec), SPEC),
        last_step_id=last_step_id,
        by_day=spec.trigger.kind in BY_DAY,
        now=now,
        by=by,
    )
    record_signals(connection, tenant.id, rule_id, spec)


def record_state(
    connection: Connection, tenant_id: TenantId, rule_id: int, state: RuleState, *, by: str, now: datetime
) -> None:
    """The caller has locked the rule for a change. What falls into a stop is past when it goes on.

    It runs from the beginning of the second: WeCom tells no finer of when somebody became a friend.
    """
    run(
        connection,
        "update sop_rule set state = :state, version = version + 1, changed_at = :now, changed_by = :by, "
        "running_since = case when :state = 'running' then date_trunc('second', cast(:now as timestamptz)) "
        "else running_since end, "
        "run_day = null, run_after = null where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        state=state.value,
        now=now,
        by=by,
    )


def record_deleted(connection: Connection, tenant_id: TenantId, rule_id: int, *, by: str, now: datetime) -> None:
    """The caller has locked the rule for a change; who is on the way is ended in the background."""
    run(
        connection,
        "update sop_rule set deleted_at = :now, state = 'stopped', version = version + 1, changed_at = :now, "
        "changed_by = :by where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        now=now,
        by=by,
    )
    run(
        connection,
        "delete from sop_signal where tenant_id = :tenant_id and rule_id = :id",
        tenant_id=tenant_id,
        id=rule_id,
    )


def record_signals(connection: Connection, tenant_id: TenantId, rule_id: int, spec: Spec) -> None:
    """What the rule waits for, in place of what it waited for."""
    run(
        connection,
        "with gone as (delete from sop_signal where tenant_id = :tenant_id and rule_id = :rule_id "
        "and signal <> all(:signals)) insert into sop_signal (tenant_id, signal, rule_id) "
        "select :tenant_id, s, :rule_id from unnest(cast(:signals as text[])) s order by 2 on conflict do nothing",
        tenant_id=tenant_id,
        rule_id=rule_id,
        signals=sorted(signals_of(spec)),
    )


def record_problem(connection: Connection, tenant_id: TenantId, rule_id: int, problem: str) -> None:
    """Why a rule brings nobody in; gone with its next edit."""
    run(
        connection,
        "update sop_rule set problem = :problem where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        problem=problem,
    )


def move_userid(connection: Connection, tenant: Tenant, old: UserId, new: UserId) -> None:
    """Rules that mean a member go on under the new userid, and so does what that member was told.

    The rules first: whoever follows what happened locks them before rows of progress. Nobody is planned anew, since an
    audience is asked only when somebody comes in.
    """
    ids = [one.id for one in load_rules(connection, tenant) if _renamed(one.spec, old, new) != one.spec]
    for rule in lock_rules(connection, tenant, ids, "enter"):
        run(
            connection,
            "update sop_rule set spec = :spec where tenant_id = :tenant_id and id = :id",
            tenant_id=tenant.id,
            id=rule.id,
            spec=tenant.cipher.encrypt(_specs.dump_json(_renamed(rule.spec, old, new)), SPEC),
        )
    run(
        connection,
        "update sop_progress set userid = :new where tenant_id = :tenant_id and userid = :old",
        tenant_id=tenant.id,
        old=old,
        new=new,
    )


def _renamed(spec: Spec, old: UserId, new: UserId) -> Spec:
    """With the new userid in its audience."""
    audience = spec.audience
    userids = tuple(dict.fromkeys(new if one == old else one for one in audience.userids))
    return replace(spec, audience=replace(audience, userids=userids, filter=with_userid(audience.filter, old, new)))
