"""What a press of each button does: the same steps as through the API, with the same facts and lines in the audit.

An action answers what holds afterwards. Where the state was changed elsewhere meanwhile, it changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from services.customers.model import RelationLost, State
from services.message_cards.model import QUESTION, REASONS, Button, Pressed
from services.notices.settled import Says
from services.persons.model import CUSTOMER
from services.persons.store import lock_customers
from services.planning import Fact
from services.pool.model import Act, NotInPoolError, PoolCustomersGiven, PoolRefusedError, Reason, Status
from services.pool.moving import hold_record, mark_added, mark_unreachable
from services.sops.confirming import confirm_step
from services.sops.model import ENROLMENT, NoSopError, SopRefusedError, SopStepDue, SopStepOverdue
from services.tasks.model import TaskMade
from services.tasks.store import add_task
from shared.audit import Change
from shared.db.engine import fetch_one
from shared.ids import CustomerId, UserId
from shared.tenants import Tenant


@dataclass(frozen=True)
class Acted:
    """What holds now, and what came of the press."""

    says: Says
    facts: tuple[Fact, ...] = ()
    changes: tuple[Change, ...] = ()


Action = Callable[[Connection, Tenant, Pressed], Acted]

TITLES = {"zh": "挽回流失客户：重新发送好友申请", "en": "Win back a lost customer: send a new friend request"}


def pool_added(connection: Connection, tenant: Tenant, pressed: Pressed) -> Acted:
    """The associate has added whom they were given (POOL-8)."""
    customer_id = _given(pressed)
    if customer_id is None:
        return Acted(Says.NOTHING_TO_DO)
    act = Act("added", pressed.actor, pressed.now)
    try:
        facts = mark_added(connection, tenant, customer_id, userid=pressed.card.owner, act=act)
    except (NotInPoolError, PoolRefusedError):
        return Acted(_standing(connection, tenant, customer_id, pressed))
    changes = tuple(Change("pool.added", CUSTOMER, str(one.customer_id)) for one in facts)
    return Acted(Says.ADDED, facts, changes)


def pool_unreachable(connection: Connection, tenant: Tenant, pressed: Pressed) -> Acted:
    """The associate cannot reach whom they were given, for the reason that is chosen on the card (POOL-8)."""
    customer_id = _given(pressed)
    if customer_id is None:
        return Acted(Says.NOTHING_TO_DO)
    chosen = pressed.selected.get(QUESTION, "")
    reason = Reason(chosen) if chosen in REASONS else next(iter(REASONS))
    act = Act("unreachable", pressed.actor, pressed.now)
    try:
        facts = mark_unreachable(connection, tenant, customer_id, reason, note=None, userid=pressed.card.owner, act=act)
    except (NotInPoolError, PoolRefusedError):
        return Acted(_standing(connection, tenant, customer_id, pressed))
    after = {"reason": reason.value, "note": None}
    changes = tuple(Change("pool.unreachable", CUSTOMER, str(one.customer_id), after=after) for one in facts)
    return Acted(Says.UNREACHABLE, facts, changes)


def _given(pressed: Pressed) -> CustomerId | None:
    fact = pressed.card.fact
    return fact.customer_id if isinstance(fact, PoolCustomersGiven) else None


def _standing(connection: Connection, tenant: Tenant, customer_id: CustomerId, pressed: Pressed) -> Says:
    """Where somebody in the pool stands, for the owner of a card."""
    try:
        record = hold_record(connection, tenant, customer_id)
    except NotInPoolError:
        return Says.NOTHING_TO_DO
    if record.status is Status.ADDED:
        return Says.ADDED
    if record.userid != pressed.card.owner:
        return Says.NOT_THEIRS
    return Says.UNREACHABLE if record.status is Status.UNREACHABLE else Says.NOTHING_TO_DO


def win_back(connection: Connection, tenant: Tenant, pressed: Pressed) -> Acted:
    """A lost customer is to be asked again: a task for the associate whom they removed (LOSS-2)."""
    fact, customer_id = pressed.card.fact, pressed.card.customer_id
    if not isinstance(fact, RelationLost) or customer_id is None:
        return Acted(Says.NOTHING_TO_DO)
    stands = lock_customers(connection, tenant.id, [customer_id]).get(customer_id)
    if stands is None:
        return Acted(Says.NOTHING_TO_DO)
    if _is_friend(connection, tenant, fact, pressed.card.owner):
        return Acted(Says.CAME_BACK)
    title = TITLES.get(tenant.language, TITLES["en"])
    task = add_task(
        connection,
        tenant,
        stands,
        title=title,
        userid=pressed.card.owner,
        due_at=None,
        by=pressed.actor,
        now=pressed.now,
    )
    made = TaskMade(occurred_at=pressed.now, task_id=task.id, customer_id=stands, userid=task.userid, due_at=None)
    after = {"customer_id": stands, "title": title, "userid": task.userid, "due_at": None}
    return Acted(Says.TASK_MADE, (made,), (Change("task.made", "task", str(task.id), {}, after),))


def _is_friend(connection: Connection, tenant: Tenant, lost: RelationLost, userid: UserId) -> bool:
    row = fetch_one(
        connection,
        "select state from relation where tenant_id = :tenant_id and external_userid = :external_userid "
        "and userid = :userid",
        tenant_id=tenant.id,
        external_userid=lost.external_userid,
        userid=userid,
    )
    return row is not None and row["state"] == State.ACTIVE.value


def step_done(connection: Connection, tenant: Tenant, pressed: Pressed) -> Acted:
    """A step of an SOP is done: a contact (SOP-4, SOP-7)."""
    fact = pressed.card.fact
    if not isinstance(fact, SopStepDue | SopStepOverdue):
        return Acted(Says.NOTHING_TO_DO)
    try:
        done = confirm_step(connection, tenant, fact.enrolment_id, fact.step_id, by=pressed.actor, now=pressed.now).fact
    except (NoSopError, SopRefusedError):
        return Acted(Says.NOTHING_TO_DO)
    if done is None:
        return Acted(Says.DONE)
    change = Change(f"{ENROLMENT}.step_confirmed", ENROLMENT, str(fact.enrolment_id), {}, {"step_id": fact.step_id})
    return Acted(Says.DONE, (done,), (change,))


ACTIONS: Mapping[tuple[str, Button], Action] = {
    (PoolCustomersGiven.TYPE, Button.ADDED): pool_added,
    (PoolCustomersGiven.TYPE, Button.UNREACHABLE): pool_unreachable,
    (RelationLost.TYPE, Button.WIN_BACK): win_back,
    (SopStepDue.TYPE, Button.DONE): step_done,
    (SopStepOverdue.TYPE, Button.DONE): step_done,
}
"""By the type of the fact that a card is of, and the button."""


ASKED_ANEW = frozenset({(PoolCustomersGiven.TYPE, Button.ADDED), (PoolCustomersGiven.TYPE, Button.UNREACHABLE)})
"""A second press finds what holds, and acts where that has changed since the first: who could not be reached may be to
be added again. Of all others, what came of the first one stands."""


def action_of(fact_type: str, key: str) -> Action | None:
    """None: this system knows no such button of such a card."""
    return ACTIONS.get((fact_type, Button(key))) if key in set(Button) else None
