"""Records states of companies that the CRM pushed: each as often as it likes, whichever arrives first (CUS-15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.companies.model import COMPANY, Company, Known, PutOutcome
from services.companies.plan import plan_puts
from services.companies.store import end_links, load_known, record_companies
from shared.audit import Change
from shared.ids import CompanyId
from shared.tenants import Tenant


@dataclass(frozen=True)
class Put:
    """`outcomes`: one for each state, in its order. `standing`: what is recorded now, of deleted ones as well."""

    outcomes: tuple[PutOutcome, ...]
    standing: dict[CompanyId, Known]
    changes: tuple[Change, ...]


def put_companies(connection: Connection, tenant: Tenant, given: Sequence[Company], *, now: datetime) -> Put:
    """Two who make the same new company at once: the one that comes second writes over it, or is late."""
    known = load_known(connection, tenant, [one.company_id for one in given], lock="for update")
    plan = plan_puts(known, given)
    written = record_companies(connection, tenant, plan.written.values(), now=now)
    outcomes = tuple(
        "late" if one.company_id in plan.written and one.company_id not in written else outcome
        for one, outcome in zip(given, plan.outcomes, strict=True)
    )
    back = [one for one in written if one in known and known[one].company is None]
    if back:  # an undone merge may have brought a link of before: who comes back, comes back without customers
        end_links(connection, tenant.id, back, updated_at=now, at=now)
    changes = tuple(_change(known.get(one), plan.written[one]) for one in sorted(written))
    overtaken = load_known(connection, tenant, plan.written.keys() - written)
    stands = {one: Known(plan.written[one], plan.written[one].updated_at) for one in written}
    return Put(outcomes, known | overtaken | stands, changes)


def _change(known: Known | None, company: Company) -> Change:
    """Only what is different; all of a new one."""
    before = known.company.values() if known and known.company else {}
    after = company.values()
    different = [name for name, value in after.items() if before.get(name) != value]
    return Change(
        "company.recorded",
        COMPANY,
        company.company_id,
        {name: before[name] for name in different if name in before},
        {name: after[name] for name in different},
    )
