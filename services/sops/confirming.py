"""Somebody confirms a step: done, a contact with the customer (SOP-4, SOP-7)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.persons.store import lock_customers
from services.sops.clock import ENROLMENT, enrolment_of, load_contacts
from services.sops.ending import withdraw_step
from services.sops.model import (
    CONFIRMABLE,
    Attachment,
    Enrolment,
    NoSopError,
    Rule,
    SopRefusedError,
    SopStepDone,
    StepState,
)
from services.sops.plan import due_at
from services.sops.store import SPEC, lock_rules, read_spec
from services.sops.subjects import load_standings
from services.sops.workdays import calendar_of
from shared.db.engine import Row, fetch_one, run
from shared.ids import CustomerId, UserId
from shared.tenants import Tenant


@dataclass(frozen=True)
class Confirmed:
    """`fact`: for the caller to record in the same transaction; None: somebody had confirmed it before."""

    enrolment: Enrolment
    fact: SopStepDone | None


def confirm_step(
    connection: Connection, tenant: Tenant, enrolment_id: int, step_id: int, *, by: str, now: datetime
) -> Confirmed:
    """Note that a step was done; a second time changes nothing. A reminder that has not gone out is taken back.

    A step that is still ahead may be done early, while its enrolment is on its way: then nobody is reminded of it.

    Raises:
        NoSopError: there is no such enrolment, or no such step.
        SopRefusedError: the enrolment ended before the step's time.
    """
    _hold_customer(connection, tenant, enrolment_id, step_id)
    one = _hold(connection, tenant, enrolment_id) or _merged_away(connection, tenant, enrolment_id, step_id)
    known = _load(connection, tenant, one, step_id)
    if known is not None and StepState(known["state"]) is StepState.DONE:
        return Confirmed(one, None)
    userid = UserId(known["userid"]) if known and known["userid"] else _responsible(connection, tenant, one)
    if known is None:
        due = _insert_done(connection, tenant, one, step_id, userid=userid, by=by, now=now)
    else:
        assert StepState(known["state"]) in CONFIRMABLE
        due = known["due_at"]
        _update_done(connection, tenant, one, step_id, by=by, now=now)
    withdraw_step(connection, tenant.id, one.id, step_id, now=now)
    contacts = load_contacts(connection, tenant.id, [(one.customer_id, userid)]) if userid else {}
    fact = SopStepDone(
        occurred_at=now,
        enrolment_id=one.id,
        rule_id=one.rule_id,
        step_id=step_id,
        customer_id=one.customer_id,
        external_userid=contacts.get((one.customer_id, userid)) if userid else None,
        chat_id=one.chat_id,
        userid=userid or UserId(""),
        due_at=due.isoformat(),
        by=by,
    )
    return Confirmed(one, fact)


def load_way(connection: Connection, tenant: Tenant, enrolment_id: int, step_id: int) -> Enrolment:
    """The way of a step that can be confirmed, also one that gave way when its customer was merged into another one.

    Raises:
        NoSopError: there is no such enrolment, or no such step of one that gave way.
    """
    row = fetch_one(
        connection,
        f"select {ENROLMENT} from sop_enrolment where tenant_id = :tenant_id and id = :id",  # noqa: S608
        tenant_id=tenant.id,
        id=enrolment_id,
    )
    return _merged_away(connection, tenant, enrolment_id, step_id) if row is None else enrolment_of(row)


def load_step(
    connection: Connection, tenant: Tenant, rule_id: int, enrolment_id: int, step_id: int
) -> tuple[tuple[Attachment, ...], StepState | None]:
    """What goes with the words of a step, as its rule stands, and how far the step is; None: it is not known."""
    row = fetch_one(
        connection,
        "select r.spec, p.state from sop_rule r left join sop_progress p on p.tenant_id = r.tenant_id "
        "and p.enrolment_id = :enrolment_id and p.step_id = :step_id where r.tenant_id = :tenant_id and r.id = :id",
        tenant_id=tenant.id,
        id=rule_id,
        enrolment_id=enrolment_id,
        step_id=step_id,
    )
    if row is None:
        return (), None
    step = read_spec(tenant.cipher.decrypt(row["spec"], SPEC)).step(step_id)
    return tuple(step.attachments) if step else (), None if row["state"] is None else StepState(row["state"])


def lock_enrolment(connection: Connection, tenant: Tenant, enrolment_id: int) -> Enrolment:
    """
    Raises:
        NoSopError
    """
    one = _hold(connection, tenant, enrolment_id)
    if one is None:
        raise NoSopError("there is no such enrolment")
    return one


def _hold_customer(connection: Connection, tenant: Tenant, enrolment_id: int, step_id: int) -> None:
    """A confirmed step is a contact: whoever is about to tell of silence sees it, or is taken back by it (STG-2)."""
    row = fetch_one(
        connection,
        "select customer_id from sop_enrolment where tenant_id = :tenant_id and id = :id union all "
        "select customer_id from sop_progress where tenant_id = :tenant_id and enrolment_id = :id "
        "and step_id = :step_id limit 1",
        tenant_id=tenant.id,
        id=enrolment_id,
        step_id=step_id,
    )
    if row is not None and row["customer_id"] is not None:
        lock_customers(connection, tenant.id, [CustomerId(row["customer_id"])])


def _hold(connection: Connection, tenant: Tenant, enrolment_id: int) -> Enrolment | None:
    row = fetch_one(
        connection,
        f"select {ENROLMENT} from sop_enrolment where tenant_id = :tenant_id and id = :id for update",  # noqa: S608
        tenant_id=tenant.id,
        id=enrolment_id,
    )
    return None if row is None else enrolment_of(row)


def _merged_away(connection: Connection, tenant: Tenant, enrolment_id: int, step_id: int) -> Enrolment:
    """A way that gave way when its customer was merged into another one: what was told of it can still be confirmed.

    Raises:
        NoSopError
    """
    row = fetch_one(
        connection,
        "select rule_id, customer_id, chat_id, due_at from sop_progress where tenant_id = :tenant_id "
        "and enrolment_id = :id and step_id = :step_id",
        tenant_id=tenant.id,
        id=enrolment_id,
        step_id=step_id,
    )
    if row is None:
        raise NoSopError("there is no such enrolment")
    return Enrolment(
        id=enrolment_id,
        rule_id=row["rule_id"],
        customer_id=row["customer_id"],
        chat_id=row["chat_id"],
        anchor_at=row["due_at"],
        entered_at=row["due_at"],
        entered_by="",
        running=False,
        ended_why="merged",
    )


def _load(connection: Connection, tenant: Tenant, one: Enrolment, step_id: int) -> Row | None:
    return fetch_one(
        connection,
        "select state, userid, due_at from sop_progress where tenant_id = :tenant_id and enrolment_id = :id "
        "and step_id = :step_id for update",
        tenant_id=tenant.id,
        id=one.id,
        step_id=step_id,
    )


def _responsible(connection: Connection, tenant: Tenant, one: Enrolment) -> UserId | None:
    standing = load_standings(connection, tenant.id, [one]).get(one.id)
    return standing.userid if standing else None


def _insert_done(
    connection: Connection,
    tenant: Tenant,
    one: Enrolment,
    step_id: int,
    *,
    userid: UserId | None,
    by: str,
    now: datetime,
) -> datetime:
    rules: list[Rule] = lock_rules(connection, tenant, [one.rule_id], "look")
    step = rules[0].spec.step(step_id) if rules else None
    if step is None:
        raise NoSopError("this rule has no such step")
    if not one.running:
        raise SopRefusedError("this enrolment is over, and never came to this step")
    calendar = calendar_of(tenant.timezone)
    due = due_at(step, one.anchor_at, calendar, workdays_only=rules[0].spec.ways.workdays_only)
    run(
        connection,
        "insert into sop_progress (tenant_id, enrolment_id, step_id, rule_id, customer_id, chat_id, userid, state, "
        "due_at, settled_at, by_whom) values (:tenant_id, :id, :step_id, :rule_id, :customer_id, :chat_id, :userid, "
        "'done', :due_at, :now, :by)",
        tenant_id=tenant.id,
        id=one.id,
        step_id=step_id,
        rule_id=one.rule_id,
        customer_id=one.customer_id,
        chat_id=one.chat_id,
        userid=userid,
        due_at=due,
        now=now,
        by=by,
    )
    plan_anew(connection, tenant, one.id)
    return due


def plan_anew(connection: Connection, tenant: Tenant, enrolment_id: int) -> None:
    """The clock looks at it within seconds, whatever its next step's time is."""
    sql = "update sop_enrolment set version = 0 where tenant_id = :tenant_id and id = :id"
    run(connection, sql, tenant_id=tenant.id, id=enrolment_id)


def _update_done(
    connection: Connection, tenant: Tenant, one: Enrolment, step_id: int, *, by: str, now: datetime
) -> None:
    run(
        connection,
        "update sop_progress set state = 'done', settled_at = :now, by_whom = :by, raise_at = null, why = null "
        "where tenant_id = :tenant_id and enrolment_id = :id and step_id = :step_id",
        tenant_id=tenant.id,
        id=one.id,
        step_id=step_id,
        now=now,
        by=by,
    )
