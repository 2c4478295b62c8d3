"""Scores or points adjusted by the same amount (CUS-11). The change's reason stands in the ledger."""

from sqlalchemy import Connection

from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import Obstacle, Outcome, RowState, ScoreWanted, Why, Worked
from services.chosen import these
from services.scores.adjusting import adjust_page
from services.scores.model import Account
from shared.tenants import Tenant


def check(_connection: Connection, _tenant: Tenant, wanted: ScoreWanted) -> ScoreWanted:
    return wanted


def obstacle(_wanted: ScoreWanted) -> Obstacle | None:
    """Who has too few points turns out on the way."""
    return None


def apply(page: Page, wanted: ScoreWanted) -> Worked:
    return _adjust(page, wanted, wanted.amount)


def undo(page: Page, wanted: ScoreWanted, _before: Before) -> Worked:
    """The opposite entry: a ledger is only ever added to. Who has spent the points keeps them gone."""
    return _adjust(page, wanted, -wanted.amount)


def _adjust(page: Page, wanted: ScoreWanted, amount: int) -> Worked:
    standing, outcomes = lock_standing(page)
    if standing:
        adjusted = adjust_page(
            page.connection,
            page.tenant,
            these(page.tenant.id, standing),
            Account(wanted.account),
            amount,
            reason=page.change.reason,
            limit=len(standing) + 1,
            by_whom=page.change.caused_by,
            now=page.now,
        )
        outcomes += [Outcome(one, RowState.DONE, before={}) for one in adjusted.changed]
        outcomes += [Outcome(one, RowState.REFUSED, Why.TOO_FEW) for one in adjusted.too_few]
    return Worked(tuple(outcomes))


KIND = Kind(check, obstacle, apply, undo, page=1000)
