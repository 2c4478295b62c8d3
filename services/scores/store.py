"""Rows of score rules and of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.scores.model import Account, NoScoreRuleError, ScoreRefusedError, ScoreRule
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

REASON = "score_entry.reason"
COLUMNS = tuple(ScoreRule.__dataclass_fields__)


def load_score_rules(connection: Connection, tenant_id: TenantId) -> list[ScoreRule]:
    """Those that have not ended, oldest first."""
    rows = fetch_all(
        connection,
        "select * from score_rule where tenant_id = :tenant_id and ended_at is null order by id",
        tenant_id=tenant_id,
    )
    return [ScoreRule(**{name: row[name] for name in COLUMNS} | {"account": Account(row["account"])}) for row in rows]


def find_score_rule(rules: Sequence[ScoreRule], rule_id: int) -> ScoreRule:
    """
    Raises:
        NoScoreRuleError
    """
    found = next((one for one in rules if one.id == rule_id), None)
    if found is None:
        raise NoScoreRuleError("there is no such score rule, or it has ended")
    return found


def record_score_rule(
    connection: Connection,
    tenant_id: TenantId,
    *,
    account: Account,
    name: str,
    behaviour: str,
    amount: int,
    each: int | None,
    per_day: int | None,
    by: str,
    now: datetime,
) -> ScoreRule:
    """
    Raises:
        ScoreRefusedError: another rule has this name; the caller rolls back.
    """
    row = fetch_one(
        connection,
        "insert into score_rule (tenant_id, account, name, behaviour, amount, each, per_day, made_at, made_by) "
        "values (:tenant_id, :account, :name, :behaviour, :amount, :each, :per_day, :now, :by) "
        "on conflict do nothing returning *",
        tenant_id=tenant_id,
        account=account.value,
        name=name,
        behaviour=behaviour,
        amount=amount,
        each=each,
        per_day=per_day,
        by=by,
        now=now,
    )
    if row is None:
        raise ScoreRefusedError("another score rule has this name already")
    return ScoreRule(**{one: row[one] for one in COLUMNS} | {"account": account})


def end_score_rule(connection: Connection, tenant_id: TenantId, rule_id: int, *, by: str, now: datetime) -> None:
    """It counts nothing any more; what it counted stays."""
    run(
        connection,
        "update score_rule set ended_at = :now, ended_by = :by where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        by=by,
        now=now,
    )


@dataclass(frozen=True)
class Line:
    """An entry as it is shown."""

    id: int
    account: str
    amount: int
    rule_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    by_whom: str
    reason: str | None


def load_ledger(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, *, before: int | None, limit: int
) -> list[Line]:
    """Newest first."""
    rows = fetch_all(
        connection,
        "select id, account, amount, rule_id, occurred_at, recorded_at, by_whom, reason from score_entry "
        "where tenant_id = :tenant_id and customer_id = :customer_id "
        "and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit",
        tenant_id=tenant.id,
        customer_id=customer_id,
        before=before,
        limit=limit,
    )
    return [Line(**dict(row) | {"reason": _opened(tenant, row["reason"])}) for row in rows]


def _opened(tenant: Tenant, reason: bytes | None) -> str | None:
    return None if reason is None else tenant.cipher.decrypt(reason, REASON).decode()


def allow_below_zero(connection: Connection, tenant_id: TenantId, allowed: bool) -> bool:
    """Set whether points may be fewer than none; what it was before."""
    row = fetch_one(
        connection,
        "select points_below_zero from rule_book where tenant_id = :tenant_id for update",
        tenant_id=tenant_id,
    )
    run(
        connection,
        "insert into rule_book (tenant_id, points_below_zero) values (:tenant_id, :allowed) "
        "on conflict (tenant_id) do update set points_below_zero = excluded.points_below_zero",
        tenant_id=tenant_id,
        allowed=allowed,
    )
    return bool(row and row["points_below_zero"])


def is_below_zero_allowed(connection: Connection, tenant_id: TenantId) -> bool:
    row = fetch_one(connection, "select points_below_zero from rule_book where tenant_id = :id", id=tenant_id)
    return bool(row and row["points_below_zero"])
