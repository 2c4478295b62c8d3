"""What people want changed of a contact's relations goes to WeCom: read → push → read back.

It happens under the lease of the contact, between a first read and the commit that records a second one: nobody else
writes these relations meanwhile, and what is recorded is what WeCom showed after the push. Every push is in the
database before it is made. A run that dies after it leaves an intent of which the next first read tells the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from services.customers.model import Observed
from services.intents.model import COMPANY, DESCRIPTION, PHONES, REMARK, Intent, Settled
from services.intents.plan import Push, plan_intents, refused
from services.intents.store import begin_push, load_open, record_accepted, record_unsent
from shared.errors import RetryableError
from shared.ids import ExternalUserId
from shared.requests import Leased, hold, prolong
from shared.tenants import may_push
from shared.wecom.client import WeComClient
from shared.wecom.errors import PostponedError, UnreachableError, WeComError, WeComTerminalError
from shared.wecom.errors.table import entry_of
from sync_worker.reconcilers import Looking

LONGEST_WAIT_S = 300.0
"""How late a push that WeCom was too busy for is tried again; the waits double."""


@dataclass(frozen=True)
class Written:
    """What became of a contact's open intents. `ours`: those whose fields our own pushes may have changed.

    `again_s`: in how many seconds the contact is to be looked at again; None: nothing is left to do.
    """

    settled: tuple[Settled, ...] = ()
    ours: tuple[Intent, ...] = ()
    again_s: float | None = None


NOTHING_WANTED = Written()


class LeaseGoneError(RetryableError):
    """Somebody else looks after the contact by now: it is theirs to write."""


@dataclass
class _Draft:
    settled: list[Settled]
    ours: dict[int, Intent]
    again_s: float | None = None


def write_back(looking: Looking, leased: Leased, observed: Observed) -> Written | None:
    """Push what is wanted of the contact that `observed` shows; None when nothing is open.

    The caller reads the contact again when something may have been written (`ours`), and calls `read_back` with that.
    A push that WeCom is too busy for holds up nothing else: what was read is recorded, and it is tried again later.

    Raises:
        LeaseGoneError: before anything was pushed.
    """
    assert looking.runtime is not None
    with looking.runtime.engine.begin() as connection:
        intents = load_open(connection, looking.tenant, ExternalUserId(leased.subject.key))
        pushes = may_push(connection, looking.tenant.id)
    if not intents:
        return None
    lag = timedelta(seconds=looking.runtime.settings.write_lag_s)
    plan = plan_intents(intents, observed, lag=lag)
    draft = _Draft(list(plan.settled), {one.id: one for one in intents if one.pushes}, plan.again_s)
    for push in plan.pushes if pushes else ():
        _push(looking, leased, push, draft)
    return Written(tuple(draft.settled), tuple(draft.ours.values()), draft.again_s)


def read_back(looking: Looking, written: Written, observed: Observed) -> Written:
    """What a read after the pushes says of those that WeCom may have taken."""
    ended = {one.intent.id for one in written.settled}
    assert looking.runtime is not None
    lag = timedelta(seconds=looking.runtime.settings.write_lag_s)
    plan = plan_intents([one for one in written.ours if one.id not in ended], observed, lag=lag)
    again_s = written.again_s if written.again_s is not None else plan.again_s
    return Written((*written.settled, *plan.settled), written.ours, again_s)


def _push(looking: Looking, leased: Leased, push: Push, draft: _Draft) -> None:
    """Write to one relation: tags in one call, notes in another. What one of them is too busy for delays no other."""
    tags = tuple(one for one in push.intents if one.tag_id is not None)
    notes = tuple(one for one in push.intents if one.tag_id is None)
    for group in (tags, notes):
        if group:
            try:
                _push_group(looking, leased, replace(push, intents=group), draft)
            except LeaseGoneError:
                raise
            except RetryableError as error:
                tries = min(one.pushes for one in group)
                wait_s = max(error.after_s or 0.0, min(2.0 ** min(tries + 1, 9), LONGEST_WAIT_S))
                draft.again_s = wait_s if draft.again_s is None else min(draft.again_s, wait_s)


def _push_group(looking: Looking, leased: Leased, push: Push, draft: _Draft) -> None:
    try:
        _call(looking, leased, push, draft)
    except WeComTerminalError as error:
        if len(push.intents) == 1:
            draft.settled += refusals(push.intents, error)
            return
        for one in push.intents:  # one of them is refused: which, only a call of its own tells
            try:
                _call(looking, leased, replace(push, intents=(one,)), draft)
            except WeComTerminalError as own:
                draft.settled += refusals([one], own)


def refusals(intents: Sequence[Intent], error: WeComTerminalError) -> list[Settled]:
    """Intents that WeCom refused for good, with its words."""
    return refused(intents, code=error.code, why=f"{error.code}: {entry_of(error.code).meaning.en}")


def _call(looking: Looking, leased: Leased, push: Push, draft: _Draft) -> None:
    """Push what is still wanted at this moment; the lease is kept for as long as a call may take."""
    assert looking.runtime is not None
    runtime, tenant, external_userid = looking.runtime, looking.tenant, ExternalUserId(leased.subject.key)
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        if not prolong(connection, leased, until=now + timedelta(seconds=runtime.settings.lease_s)):
            raise LeaseGoneError("another run has taken the contact")
        ids = begin_push(connection, tenant.id, push.intents, now=now)
    begun = tuple(replace(one, pushes=one.pushes + 1, accepted_at=None) for one in push.intents if one.id in ids)
    if not begun:
        return
    try:
        write(looking.client(), external_userid, replace(push, intents=begun))
    except (PostponedError, UnreachableError, WeComError) as error:
        if isinstance(error, UnreachableError) and error.maybe_accepted:
            draft.ours |= {one.id: one for one in begun}
        else:
            with runtime.engine.begin() as connection:
                record_unsent(connection, tenant.id, sorted(ids))
        raise
    with runtime.engine.begin() as connection:
        if hold(connection, [leased]):
            record_accepted(connection, tenant.id, sorted(ids), at=looking.now)
    draft.ours |= {one.id: replace(one, accepted_at=looking.now) for one in begun}


def write(client: WeComClient, external_userid: ExternalUserId, push: Push) -> None:
    """Make the one call of a push that has only tags, or only notes."""
    notes: Mapping[str, Any] = push.notes
    if not notes:
        client.tags.mark(push.userid, external_userid, add=push.mark, remove=push.unmark)
        return
    client.contacts.remark(
        push.userid,
        external_userid,
        remark=notes.get(REMARK),
        description=notes.get(DESCRIPTION),
        remark_company=notes.get(COMPANY),
        remark_mobiles=notes.get(PHONES),
    )
