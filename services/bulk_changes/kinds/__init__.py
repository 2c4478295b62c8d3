"""One file for each kind of bulk change; registry.py has them all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.bulk_changes.model import Change, Obstacle, Outcome, RowState, Why, Worked
from services.persons.store import lock_customers
from shared.ids import CustomerId
from shared.tenants import Tenant


@dataclass(frozen=True)
class Page:
    """What a page of a change is done with. `change`: the one that is carried out, or, of an undo, the one undone.

    `job_id`: the bulk job whose intents go to WeCom.
    """

    connection: Connection
    tenant: Tenant
    change: Change
    ids: Sequence[CustomerId]
    now: datetime
    job_id: int | None = None


Before = Mapping[CustomerId, Mapping[str, Any]]


@dataclass(frozen=True)
class Kind:
    """How one kind of change is done. Its functions run in the caller's transaction.

    - `check` raises BulkRefusedError for what cannot be asked for; what it returns is kept and carried out.
    - `obstacle` says to a preview, in SQL, who cannot be changed; `apply` decides.
    - `apply` locks the customers of a page and changes them; done again after a roll-back it does the same.
    - `undo` puts back what is still as the change left it; None: it is for good.
    - `page`: customers of one transaction. `pushes`: what it wants of WeCom goes by the intents of a bulk job.
    """

    check: Callable[[Connection, Tenant, Any], Any]
    obstacle: Callable[[Any], Obstacle | None]
    apply: Callable[[Page, Any], Worked]
    undo: Callable[[Page, Any, Before], Worked] | None
    page: int
    pushes: bool = False


def lock_standing(page: Page) -> tuple[list[CustomerId], list[Outcome]]:
    """The page's customers who still stand for themselves, locked; and the outcomes of the others."""
    stands = lock_customers(page.connection, page.tenant.id, page.ids)
    standing = [one for one in page.ids if stands.get(one) == one]
    there = set(standing)
    return standing, [Outcome(one, RowState.REFUSED, Why.GONE) for one in page.ids if one not in there]
