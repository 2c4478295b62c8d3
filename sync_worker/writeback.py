"""What people want changed of a contact's relations goes to WeCom: read → push → read back.

It happens under the lease of the contact, between a first read and the commit that records a second one: nobody else
writes these relations meanwhile, and what is recorded is what WeCom showed after the push. Every push is in the
database before it is made. A run that dies after it leaves an intent of which the next first read tells the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.customers.model import Observed
from services.intents.model import DESCRIPTION, REMARK, Intent, Settled
from services.intents.plan import Push, plan_intents, refused
from services.intents.store import begin_push, load_open, record_accepted
from shared.errors import RetryableError
from shared.ids import ExternalUserId
from shared.requests import Leased, hold
from shared.tenants import may_push
from shared.wecom.errors import WeComTerminalError
from shared.wecom.errors.table import entry_of
from sync_worker.reconcilers import Looking


@dataclass(frozen=True)
class Written:
    """What became of a contact's open intents. `ours`: those whose fields our own pushes may have changed."""

    settled: tuple[Settled, ...] = ()
    ours: tuple[Intent, ...] = ()
    waits: bool = False


NOTHING_WANTED = Written()


class LeaseGoneError(RetryableError):
    """Somebody else looks after the contact by now: it is theirs to write."""


def write_back(looking: Looking, leased: Leased, observed: Observed) -> Written | None:
    """Push what is wanted of the contact that `observed` shows; None when nothing is open.

    The caller reads the contact again when something was pushed (`ours`), and calls `read_back` with that.

    Raises:
        RetryableError: WeCom is busy or away; what was begun is known by the next read.
    """
    assert looking.engine is not None
    with looking.engine.begin() as connection:
        intents = load_open(connection, looking.tenant, ExternalUserId(leased.subject.key))
        pushes = may_push(connection, looking.tenant.id)
    if not intents:
        return None
    plan = plan_intents(intents, observed)
    settled, pushed = list(plan.settled), [one.intent for one in plan.settled if one.intent.pushes]
    for push in plan.pushes if pushes else ():
        accepted, failed = _push(looking, leased, push)
        pushed += accepted
        settled += failed
    waits = plan.look_again_at is not None
    return Written(tuple(settled), tuple(pushed), waits)


def read_back(written: Written, observed: Observed) -> Written:
    """What a read after the pushes says of those that WeCom accepted."""
    ended = {one.intent.id for one in written.settled}
    plan = plan_intents([one for one in written.ours if one.id not in ended], observed)
    return Written((*written.settled, *plan.settled), written.ours, written.waits or plan.look_again_at is not None)


def _push(looking: Looking, leased: Leased, push: Push) -> tuple[list[Intent], list[Settled]]:
    """Write to one relation: tags in one call, texts in another. Those that WeCom accepted, those that it refused."""
    tags = [one for one in push.intents if one.tag_id is not None]
    texts = [one for one in push.intents if one.tag_id is None]
    accepted: list[Intent] = []
    failed: list[Settled] = []
    for group in (tags, texts):
        if not group:
            continue
        try:
            accepted += _call(looking, leased, replace(push, intents=tuple(group)))
        except WeComTerminalError as error:
            if len(group) == 1:
                failed += _refused(group, error)
                continue
            for one in group:  # one of them is refused: which, only a call of its own tells
                try:
                    accepted += _call(looking, leased, replace(push, intents=(one,)))
                except WeComTerminalError as own:
                    failed += _refused([one], own)
    return accepted, failed


def _refused(intents: Sequence[Intent], error: WeComTerminalError) -> list[Settled]:
    return refused(intents, code=error.code, why=f"{error.code}: {entry_of(error.code).meaning.en}")


def _call(looking: Looking, leased: Leased, push: Push) -> list[Intent]:
    assert looking.engine is not None
    tenant, external_userid = looking.tenant, ExternalUserId(leased.subject.key)
    with looking.engine.begin() as connection:
        if not hold(connection, [leased]):
            raise LeaseGoneError("another run has taken the contact")
        begin_push(connection, tenant.id, push.intents, now=looking.now)
    client = looking.client()
    if push.texts:
        client.contacts.remark(
            push.userid, external_userid, remark=push.texts.get(REMARK), description=push.texts.get(DESCRIPTION)
        )
    else:
        client.tags.mark(push.userid, external_userid, add=push.mark, remove=push.unmark)
    with looking.engine.begin() as connection:
        record_accepted(connection, tenant.id, [one.id for one in push.intents], at=looking.now)
    return [replace(one, pushes=one.pushes + 1, accepted_at=looking.now) for one in push.intents]
