"""The pool: people whom nobody has added yet, entered, listed, given away, and followed (POOL-1 to POOL-10)."""

import secrets

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked_pool import (
    AssociatePath,
    ByBody,
    EnterBody,
    EntryBody,
    PartQuery,
    PoolFilter,
    PoolPath,
    PoolQuery,
    ReceiverBody,
    ReleaseBody,
    UnreachableBody,
)
from console.api.customers import identity_of
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_pool import (
    PoolChangeOut,
    PoolChangesOut,
    PoolCountsOut,
    PoolEnteredOut,
    PoolEntryOut,
    PoolOut,
    PoolRecordOut,
    PoolStateOut,
)
from services.joining.join import join
from services.persons.model import CUSTOMER
from services.pool.entering import enter
from services.pool.giving import Given, assign
from services.pool.listing import Person, PoolChoice, count_pool, customers_to_add, list_pool
from services.pool.model import Act, Entry, NotInPoolError, PoolRefusedError, Why
from services.pool.moving import (
    issue_state,
    mark_added,
    mark_reachable,
    mark_unreachable,
    note_contacted,
    release,
)
from services.pool.store import load_changes, masters
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId, UserId

GROUP = "pool"
STATE_BYTES = 15
"""As 20 characters. A state has 30 at most. Source: WeCom server API, contact ways (page 92572)."""


def act_of(why: Why, work: Work) -> Act:
    return Act(why, caller().actor, work.now)


def record_out(person: Person) -> PoolRecordOut:
    record = person.record
    shown = {name: getattr(record, name) for name in PoolRecordOut.model_fields if hasattr(record, name)}
    return PoolRecordOut(**shown, real_name=person.real_name, company=person.company, phones=list(person.phones))


def _shown(work: Work, customer_id: int) -> PoolRecordOut:
    stand = masters(work.connection, work.tenant.id, [CustomerId(customer_id)])
    choice = PoolChoice(customer_ids=tuple(stand.values()))
    found = list_pool(work.connection, work.tenant, choice, after=None, limit=1)
    if not found:
        raise NotInPoolError("this customer is not in the pool")
    return record_out(found[0])


def choice_of(asked: PoolFilter) -> PoolChoice:
    return PoolChoice(
        statuses=tuple(asked.status),
        userids=tuple(UserId(one) for one in asked.userid),
        sources=tuple(asked.source),
        reasons=tuple(one.value for one in asked.reason),
        department_ids=tuple(asked.department_id),
        entered_from=asked.entered_from,
        entered_before=asked.entered_before,
    )


@operation("post", "/pool", Scope.POOL_WRITE, PoolEntryOut, also=201, group=GROUP, once=True)
def make_pool_customer(body: EntryBody) -> Response:
    """Find a person by any of their identities, or make them, and take them into the pool; give them to an associate.

    Who is somebody's friend does not enter; who is in the pool already stays as they are.
    """
    identities = [identity_of(one, place=f"/identities/{n}") for n, one in enumerate(body.identities)]
    own = body.fields.model_dump(mode="json", exclude_unset=True)

    def work(work: Work) -> Done:
        joined = join(work.connection, work.tenant, identities, own, now=work.now)
        entry = Entry(joined.customer_id, body.source, body.department_id)
        entered = enter(work.connection, work.tenant, [entry], act_of("entered", work))
        facts, changes = [*joined.facts, *entered.facts], [*joined.changes]
        if entered.customer_ids:
            changes.append(Change("pool.entered", CUSTOMER, str(joined.customer_id), after={"source": body.source}))
        if entered.customer_ids and body.userid is not None:
            act = act_of("operator", work)
            given = assign(work.connection, work.tenant, entered.customer_ids, UserId(body.userid), act)
            facts += given.facts
            changes += changes_of(given, "pool.assigned", body.userid)
        answer = PoolEntryOut(
            customer_id=joined.customer_id,
            made=joined.made,
            entered=bool(entered.customer_ids),
            record=_shown(work, joined.customer_id) if entered.customer_ids else None,
        )
        return Done(answer, 201 if entered.customer_ids else 200, tuple(changes), tuple(facts))

    return write(work, once=True)


def changes_of(given: Given, action: str, userid: str | None) -> list[Change]:
    return [Change(action, CUSTOMER, str(one), after={"userid": userid}) for one in given.customer_ids]


@operation("post", "/pool:enter", Scope.POOL_WRITE, PoolEnteredOut, group=GROUP)
def enter_pool(body: EnterBody) -> Response:
    """Take known customers into the pool. A repeat changes nothing more."""

    def work(work: Work) -> Done:
        ids = [CustomerId(one) for one in body.customer_ids]
        entries = [Entry(one, body.source, body.department_id) for one in ids]
        entered = enter(work.connection, work.tenant, entries, act_of("entered", work))
        changes = [
            Change("pool.entered", CUSTOMER, str(one), after={"source": body.source}) for one in entered.customer_ids
        ]
        left_out = sorted(set(ids) - set(entered.customer_ids))
        answer = PoolEnteredOut(entered=list(entered.customer_ids), left_out=list(left_out))
        return Done(answer, 200, tuple(changes), entered.facts)

    return write(work)


@operation("get", "/pool", Scope.POOL_READ, PoolOut, group=GROUP)
def list_pool_customers(query: PoolQuery) -> Response:
    """List the pool, a page at a time, by any of the filters."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> PoolOut:
        last = None if after is None else CustomerId(after.id)
        found = list_pool(work.connection, work.tenant, choice_of(query), after=last, limit=query.limit + 1)
        shown = found[: query.limit]
        more = len(found) > len(shown)
        return PoolOut(
            records=[record_out(one) for one in shown],
            next_cursor=cursors.encode(shown[-1].record.customer_id) if more else None,
        )

    return read(work)


@operation("get", "/pool/counts", Scope.POOL_READ, PoolCountsOut, group=GROUP)
def count_pool_customers() -> Response:
    """Count the pool by status."""
    return read(
        lambda work: PoolCountsOut(
            **{status.value: n for status, n in count_pool(work.connection, work.tenant.id).items()}
        )
    )


@operation("get", "/pool/associates/<userid>/to-add", Scope.POOL_READ, PoolOut, group=GROUP)
def list_customers_to_add(path: AssociatePath, query: PartQuery) -> Response:
    """List whom an associate is to add, newest first; search their newest 5,000 by part of a name or phone number."""

    def work(work: Work) -> PoolOut:
        found = customers_to_add(work.connection, work.tenant, UserId(path.userid), part=query.part)
        return PoolOut(records=[record_out(one) for one in found[: query.limit]])

    return read(work)


@operation("get", "/pool/customers/<id>", Scope.POOL_READ, PoolRecordOut, group=GROUP)
def show_pool_customer(path: PoolPath) -> Response:
    """Show where one customer stands."""
    return read(lambda work: _shown(work, path.id))


@operation("get", "/pool/customers/<id>/changes", Scope.POOL_READ, PoolChangesOut, group=GROUP)
def list_pool_changes(path: PoolPath) -> Response:
    """List what has become of one customer in the pool, oldest first: from, to, why, when, by whom."""

    def work(work: Work) -> PoolChangesOut:
        rows = load_changes(work.connection, work.tenant.id, CustomerId(path.id))
        return PoolChangesOut(changes=[PoolChangeOut(**row) for row in rows])

    return read(work)


@operation("put", "/pool/customers/<id>/associate", Scope.POOL_WRITE, PoolRecordOut, group=GROUP)
def assign_pool_customer(path: PoolPath, body: ReceiverBody) -> Response:
    """Give one customer to one associate, or to another one while nobody has added them."""

    def work(work: Work) -> Done:
        act, ids = act_of("operator", work), [CustomerId(path.id)]
        given = assign(work.connection, work.tenant, ids, UserId(body.userid), act)
        if given.refused and given.refused[0].status is None:
            raise NotInPoolError("this customer is not in the pool")
        if given.refused:
            raise PoolRefusedError("this customer was added: they are no longer to be given away")
        changes = tuple(changes_of(given, "pool.assigned", body.userid))
        return Done(_shown(work, path.id), 200, changes, given.facts)

    return write(work)


def _by(body: ByBody) -> UserId | None:
    return None if body.userid is None else UserId(body.userid)


@operation("put", "/pool/customers/<id>/unreachable", Scope.POOL_WRITE, PoolRecordOut, group=GROUP)
def set_unreachable(path: PoolPath, body: UnreachableBody) -> Response:
    """Say that an associate cannot reach somebody, and why."""

    def work(work: Work) -> Done:
        act = act_of("unreachable", work)
        facts = mark_unreachable(
            work.connection,
            work.tenant,
            CustomerId(path.id),
            body.reason,
            note=body.note,
            userid=_by(body),
            act=act,
        )
        change = Change("pool.unreachable", CUSTOMER, str(path.id), after={"reason": body.reason, "note": body.note})
        return Done(_shown(work, path.id), 200, (change,), facts)

    return write(work)


@operation("put", "/pool/customers/<id>/reachable", Scope.POOL_WRITE, PoolRecordOut, group=GROUP)
def set_reachable(path: PoolPath, body: ByBody) -> Response:
    """Say that somebody is to be added after all."""

    def work(work: Work) -> Done:
        act = act_of("reachable", work)
        facts = mark_reachable(work.connection, work.tenant, CustomerId(path.id), userid=_by(body), act=act)
        return Done(_shown(work, path.id), 200, (Change("pool.reachable", CUSTOMER, str(path.id)),), facts)

    return write(work)


@operation("put", "/pool/customers/<id>/contacted", Scope.POOL_WRITE, PoolRecordOut, group=GROUP)
def set_contacted(path: PoolPath, body: ByBody) -> Response:
    """Say that the associate got in touch: rules that send neglected customers back count from now."""

    def work(work: Work) -> Done:
        note_contacted(
            work.connection, work.tenant, CustomerId(path.id), userid=_by(body), act=act_of("operator", work)
        )
        return Done(_shown(work, path.id), 200, (Change("pool.contacted", CUSTOMER, str(path.id)),))

    return write(work)


@operation("post", "/pool:release", Scope.POOL_WRITE, PoolEnteredOut, group=GROUP)
def release_pool_customers(body: ReleaseBody) -> Response:
    """Give customers back to the pool, to be assigned anew. 404 when none of them is there to be given back."""

    def work(work: Work) -> Done:
        ids = [CustomerId(one) for one in body.customer_ids]
        userid = None if body.userid is None else UserId(body.userid)
        facts = release(work.connection, work.tenant, ids, userid=userid, act=act_of("released", work))
        done = sorted(one for fact in facts for one in fact.customer_ids)
        changes = [
            Change("pool.released", CUSTOMER, str(one), before={"userid": fact.from_userid})
            for fact in facts
            for one in fact.customer_ids
        ]
        answer = PoolEnteredOut(entered=done, left_out=sorted(set(ids) - set(done)))
        return Done(answer, 200, tuple(changes), facts)

    return write(work)


@operation("put", "/pool/customers/<id>/contact-state", Scope.POOL_WRITE, PoolStateOut, group=GROUP)
def issue_contact_state(path: PoolPath, body: ByBody) -> Response:  # noqa: ARG001 - a PUT has a body
    """Get a state for a contact way of this one person: whoever adds an associate through it is them."""

    def work(work: Work) -> Done:
        state = f"pool-{secrets.token_urlsafe(STATE_BYTES)}"
        issue_state(work.connection, work.tenant, CustomerId(path.id), state, act_of("operator", work))
        return Done(PoolStateOut(state=state), 200, (Change("pool.state_issued", CUSTOMER, str(path.id)),))

    return write(work)


@operation("put", "/pool/customers/<id>/added", Scope.POOL_WRITE, PoolRecordOut, group=GROUP)
def set_added(path: PoolPath, body: ByBody) -> Response:
    """Say that somebody was added, before WeCom shows it: they leave the list. A repeat changes nothing."""

    def work(work: Work) -> Done:
        act = act_of("added", work)
        facts = mark_added(work.connection, work.tenant, CustomerId(path.id), userid=_by(body), act=act)
        changes = (Change("pool.added", CUSTOMER, str(path.id)),) if facts else ()
        return Done(_shown(work, path.id), 200, changes, facts)

    return write(work)
