"""Adds to scores or points by hand: one customer, or all that a selection finds, a page at a time (CUS-11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.chosen import PAGE, load_page, lock_page, touch
from services.finding.selection import Selection
from services.scores.model import Account
from services.scores.store import REASON, is_below_zero_allowed
from shared.db.engine import fetch_all
from shared.ids import CustomerId
from shared.tenants import Tenant


@dataclass(frozen=True)
class Adjusted:
    """`too_few`: whose points would have been fewer than none; nothing was done to them. `last`: where to go on."""

    chosen_count: int
    changed: Sequence[CustomerId]
    too_few: Sequence[CustomerId]
    last: CustomerId | None


def adjust_page(
    connection: Connection,
    tenant: Tenant,
    chosen: Selection,
    account: Account,
    amount: int,
    *,
    reason: str | None,
    after: int = 0,
    limit: int = PAGE,
    by_whom: str,
    now: datetime,
) -> Adjusted:
    """Add `amount`, which may be negative, to the next customers. Not idempotent: keep `last` in the same commit."""
    tenant_id = tenant.id
    page = load_page(connection, chosen, after=after, limit=limit)
    ids = lock_page(connection, tenant_id, page)
    free = account is Account.SCORE or amount > 0 or is_below_zero_allowed(connection, tenant_id)
    rows = fetch_all(
        connection,
        f"with asked as (select c.id, coalesce(s.{account.value}, 0) as balance "  # noqa: S608 - one of two
        "from unnest(cast(:ids as bigint[])) as c(id) left join customer_score s on s.tenant_id = :tenant_id "
        "and s.customer_id = c.id), fits as (select id from asked where :free or balance + :amount >= 0), "
        "entered as (insert into score_entry (tenant_id, account, customer_id, amount, occurred_at, recorded_at, "
        "by_whom, reason) select :tenant_id, :account, id, :amount, :now, :now, :by_whom, :reason from fits "
        f"order by id), added as (insert into customer_score as s (tenant_id, customer_id, {account.value}) "
        "select :tenant_id, id, :amount from fits order by id on conflict (tenant_id, customer_id) do update "
        f"set {account.value} = s.{account.value} + excluded.{account.value}) select id from fits order by id",
        tenant_id=tenant_id,
        account=account.value,
        amount=amount,
        ids=ids,
        free=free,
        by_whom=by_whom,
        reason=tenant.cipher.encrypt(reason.encode(), REASON) if reason else None,
        now=now,
    )
    changed = [CustomerId(row["id"]) for row in rows]
    touch(connection, tenant_id, changed, now=now)
    rest = sorted(set(ids) - set(changed))
    return Adjusted(len(page), changed, rest, page[-1] if len(page) == limit else None)
