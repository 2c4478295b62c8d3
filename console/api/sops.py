"""Who is on the way through an SOP, what became of each step, and totals (SOP-2, SOP-4)."""

from collections.abc import Sequence
from itertools import groupby

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked_records import NumberPath
from console.api.asked_sops import (
    SopBringInBody,
    SopCustomerStepPath,
    SopCycleBody,
    SopEnrolmentsQuery,
    SopMoveBody,
    SopStepPath,
    SopSwitchBody,
    SopTotalsQuery,
)
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_sops import (
    SopBroughtInOut,
    SopConfirmedOut,
    SopEnrolmentOut,
    SopEnrolmentsOut,
    SopRuleTotalsOut,
    SopStepProgressOut,
    SopTotalOut,
    SopTotalsOut,
)
from services.sops.by_hand import bring_in, move, set_cycle, take_out
from services.sops.confirming import confirm_step, load_way
from services.sops.listing import (
    Sought,
    Total,
    ahead,
    load_enrolment,
    load_progress,
    load_totals,
    page_enrolments,
)
from services.sops.model import ENROLMENT, Enrolment, NoSopError, Progress
from services.sops.store import load_rules
from services.sops.workdays import calendar_of
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "sops"


@operation("post", "/sop-rules/<id>/enrolments", Scope.SOPS_WRITE, SopBroughtInOut, group=GROUP, once=True)
def bring_into_sop(path: NumberPath, body: SopBringInBody) -> Response:
    """Bring customers or chats into a rule by hand, whomever it means; who is through may come in again."""

    def work(work: Work) -> Done:
        keys: Sequence[int | str] = body.customer_ids or body.chat_ids
        calendar = calendar_of(work.tenant.timezone)
        done = bring_in(work.connection, work.tenant, path.id, keys, calendar, by=caller().actor, now=work.now)
        changes = tuple(_change("entered", one, {}, {"rule_id": path.id}) for one in done.enrolment_ids)
        answer = SopBroughtInOut(
            enrolment_ids=list(done.enrolment_ids),
            kept_out_count=done.kept_out_count,
            unknown=[str(one) for one in done.unknown],
        )
        return Done(answer, 200, changes)

    return write(work, once=True)


@operation("get", "/sop-enrolments", Scope.SOPS_READ, SopEnrolmentsOut, group=GROUP, limited=True)
def list_sop_enrolments(query: SopEnrolmentsQuery) -> Response:
    """List who is or was on the way, over all rules, newest first, each with all its steps."""
    after = cursors.decode(query.cursor)
    sought = Sought(
        rule_id=query.rule_id,
        customer_id=query.customer_id,
        chat_id=query.chat_id,
        running=None if query.state is None else query.state == "running",
        step_state=query.passed_as,
        userid=query.userid,
    )

    def work(work: Work) -> SopEnrolmentsOut:
        rows = page_enrolments(
            work.connection, work.tenant.id, sought, before=after.id if after else None, limit=query.limit + 1
        )
        shown = rows[: query.limit]
        more = cursors.encode(shown[-1].id) if len(rows) > len(shown) else None
        return SopEnrolmentsOut(enrolments=_out(work, shown), next_cursor=more)

    return read(work)


@operation("get", "/sop-enrolments/<id>", Scope.SOPS_READ, SopEnrolmentOut, group=GROUP, limited=True)
def show_sop_enrolment(path: NumberPath) -> Response:
    """Show one, with all its steps."""
    return read(lambda work: _one(work, path.id))


@operation("patch", "/sop-enrolments/<id>", Scope.SOPS_WRITE, SopEnrolmentOut, group=GROUP)
def set_sop_cycle(path: NumberPath, body: SopCycleBody) -> Response:
    """Set one's own cycle: another start, or steps that are left out."""

    def work(work: Work) -> Done:
        left_out = body.left_out_step_ids
        was = set_cycle(
            work.connection, work.tenant, path.id, anchor_at=body.anchor_at, left_out=left_out, now=work.now
        )
        before = {"start_at": was.anchor_at, "left_out": list(was.left_out)}
        change = _change("cycle_set", path.id, before, body.model_dump(mode="json"))
        return Done(_one(work, path.id), 200, (change,))

    return write(work)


@operation("post", "/sop-enrolments/<id>/steps/<step_id>/confirm", Scope.SOPS_WRITE, SopConfirmedOut, group=GROUP)
def confirm_sop_step(path: SopStepPath, body: SopSwitchBody) -> Response:  # noqa: ARG001 - no body is an error
    """Confirm that a step was done, as often as you like: with a customer, a contact (SOP-7)."""
    return write(lambda work: _confirm(work, path.id, path.step_id))


@operation(
    "post",
    "/customers/<id>/sop-enrolments/<enrolment_id>/steps/<step_id>/confirm",
    Scope.SOPS_WRITE,
    SopConfirmedOut,
    group=GROUP,
    limited=True,
)
def confirm_sop_step_of_customer(path: SopCustomerStepPath, body: SopSwitchBody) -> Response:  # noqa: ARG001 - as above
    """The same about a customer of the caller's."""

    def work(work: Work) -> Done:
        way = load_way(work.connection, work.tenant, path.enrolment_id, path.step_id)
        if way.customer_id != path.id:
            raise NoSopError("this customer has no such enrolment")
        return _confirm(work, path.enrolment_id, path.step_id)

    return write(work)


def _confirm(work: Work, enrolment_id: int, step_id: int) -> Done:
    done = confirm_step(work.connection, work.tenant, enrolment_id, step_id, by=caller().actor, now=work.now)
    way = load_way(work.connection, work.tenant, enrolment_id, step_id)
    answer = SopConfirmedOut(changed=done.fact is not None, enrolment=_out(work, [way])[0])
    if done.fact is None:
        return Done(answer)
    return Done(answer, 200, (_change("step_confirmed", enrolment_id, {}, {"step_id": step_id}),), (done.fact,))


@operation("post", "/sop-enrolments/<id>/move", Scope.SOPS_WRITE, SopEnrolmentOut, group=GROUP, once=True)
def move_sop_enrolment(path: NumberPath, body: SopMoveBody) -> Response:
    """Move one to another rule of the same kind; the answer is the new enrolment."""

    def work(work: Work) -> Done:
        new_id = move(
            work.connection,
            work.tenant,
            path.id,
            body.rule_id,
            calendar_of(work.tenant.timezone),
            keep_start=body.keep_start,
            by=caller().actor,
            now=work.now,
        )
        return Done(_one(work, new_id), 200, (_change("moved", path.id, {}, {"to_enrolment_id": new_id}),))

    return write(work, once=True)


@operation("delete", "/sop-enrolments/<id>", Scope.SOPS_WRITE, SopEnrolmentOut, group=GROUP)
def take_out_of_sop(path: NumberPath) -> Response:
    """Take one out; what has not gone out yet is taken back."""

    def work(work: Work) -> Done:
        was = take_out(work.connection, work.tenant, path.id, now=work.now)
        changes = (_change("taken_out", path.id, {"rule_id": was.rule_id}, {}),) if was.running else ()
        return Done(_one(work, path.id), 200, changes)

    return write(work)


@operation("get", "/sop-totals", Scope.SOPS_READ, SopTotalsOut, group=GROUP)
def show_sop_totals(query: SopTotalsQuery) -> Response:
    """Count steps by rule, step, associate and state, and who is on the way; kept up as it happens."""

    def work(work: Work) -> SopTotalsOut:
        rows = load_totals(work.connection, work.tenant.id, query.rule_id)
        return SopTotalsOut(rules=[_totals(id_, list(some)) for id_, some in groupby(rows, lambda one: one.rule_id)])

    return read(work)


def _totals(rule_id: int, rows: Sequence[Total]) -> SopRuleTotalsOut:
    ways = {one.state: one.n for one in rows if one.step_id == 0}
    steps = [
        SopTotalOut(step_id=one.step_id, userid=one.userid or None, state=one.state, count=one.n)
        for one in rows
        if one.step_id
    ]
    return SopRuleTotalsOut(rule_id=rule_id, running=ways.get("running", 0), ended=ways.get("ended", 0), steps=steps)


def _one(work: Work, enrolment_id: int) -> SopEnrolmentOut:
    return _out(work, [load_enrolment(work.connection, work.tenant.id, enrolment_id)])[0]


def _out(work: Work, shown: Sequence[Enrolment]) -> list[SopEnrolmentOut]:
    rules = {one.id: one for one in load_rules(work.connection, work.tenant, {one.rule_id for one in shown})}
    progress = load_progress(work.connection, work.tenant.id, [one.id for one in shown])
    calendar = calendar_of(work.tenant.timezone)
    found = []
    for one in shown:
        passed = progress.get(one.id, [])
        steps = [*passed, *ahead(rules.get(one.rule_id), one, passed, calendar)]
        found.append(_enrolment_out(one, steps))
    return found


def _enrolment_out(one: Enrolment, steps: Sequence[Progress]) -> SopEnrolmentOut:
    return SopEnrolmentOut(
        enrolment_id=one.id,
        rule_id=one.rule_id,
        customer_id=one.customer_id,
        chat_id=one.chat_id,
        state="running" if one.running else "ended",
        started_at=one.anchor_at,
        entered_at=one.entered_at,
        entered_by=one.entered_by,
        ended_at=one.ended_at,
        ended_why=one.ended_why,
        next_at=one.next_at,
        steps=[SopStepProgressOut(**step.__dict__) for step in steps],
    )


def _change(what: str, enrolment_id: int, before: dict[str, object], after: dict[str, object]) -> Change:
    return Change(f"{ENROLMENT}.{what}", ENROLMENT, str(enrolment_id), before, after)
