"""What people want changed of a contact's relations goes to WeCom: read → push → read back.

It happens under the lease of the contact, between a first read and the commit that records a second one: nobody else
writes these relations meanwhile, and what is recorded is what WeCom showed after the push. Every push is in the
database before it is made. A run that dies after it leaves an intent of which the next first read tells the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.customers.model import Observed
from services.intents.model import COMPANY, DESCRIPTION, PHONES, REMARK, Intent
from services.intents.plan import Push, plan_intents
from services.intents.store import load_open
from services.tags.store import dead_tags
from shared.errors import RetryableError
from shared.ids import ExternalUserId
from shared.requests import Leased
from shared.tenants import may_push
from shared.wecom.client import WeComClient
from sync_worker.pushing import LeaseGoneError, Made, Pushing, Written
from sync_worker.reconcilers import Looking


def write_back(looking: Looking, leased: Leased, observed: Observed) -> Written | None:
    """Push what is wanted of the contact that `observed` shows; None when nothing is open.

    The caller reads the contact again when something may have been written (`ours`), and calls `read_back` with that.
    A push that WeCom is too busy for holds up nothing else: what was read is recorded, and it is tried again later.

    Raises:
        LeaseGoneError: before anything was pushed.
    """
    assert looking.runtime is not None
    with looking.runtime.engine.begin() as connection:
        intents = load_open(connection, looking.tenant, leased.subject)
        pushes = may_push(connection, looking.tenant.id)
        dead = dead_tags(connection, looking.tenant.id, [one.tag_id for one in intents if one.tag_id is not None])
    if not intents:
        return None
    lag = timedelta(seconds=looking.runtime.settings.write_lag_s)
    plan = plan_intents(intents, observed, lag=lag, dead=dead)
    ours = {one.id: one for one in intents if one.pushes}
    pushing = Pushing(looking.runtime, looking.tenant, leased, looking.now, list(plan.settled), ours, plan.again_s)
    for push in plan.pushes if pushes else ():
        _push(looking, leased, push, pushing)
    return pushing.written


def read_back(looking: Looking, written: Written, observed: Observed) -> Written:
    """What a read after the pushes says of those that WeCom may have taken."""
    ended = {one.intent.id for one in written.settled}
    assert looking.runtime is not None
    lag = timedelta(seconds=looking.runtime.settings.write_lag_s)
    plan = plan_intents([one for one in written.ours if one.id not in ended], observed, lag=lag)
    again_s = written.again_s if written.again_s is not None else plan.again_s
    return Written((*written.settled, *plan.settled), written.ours, again_s)


def _push(looking: Looking, leased: Leased, push: Push, pushing: Pushing) -> None:
    """Write to one relation: tags in one call, notes in another. What one of them is too busy for delays no other."""
    client, external_userid = looking.client(), ExternalUserId(leased.subject.key)

    def call(intents: Sequence[Intent]) -> Made:
        write(client, external_userid, replace(push, intents=tuple(intents)))
        return {}

    tags = [one for one in push.intents if one.tag_id is not None]
    notes = [one for one in push.intents if one.tag_id is None]
    for group in (tags, notes):
        if group:
            try:
                pushing.push(group, call, pushing.refused)
            except LeaseGoneError:
                raise
            except RetryableError as error:
                pushing.put_off(group, error)


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
