"""The end of a first sync: assignment and standing of every contact, now that all their relations are known.

It tells nobody. Most customers have friends and nothing else: those are decided all at once, the others one by one.
What events told of before and the walk did not show is looked at by itself: a first sync judges nobody.
"""

from functools import partial

from sqlalchemy import Connection

from services.assignment.first import assign_first_friends
from services.customers.model import CONTACT
from services.customers.store import contacts_after, load_recorded, lock_customers
from services.customers.walk import contacts_unshown
from services.joining.recognise import Shown, notice
from services.loss.store import mark_friends
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.pool.store import has_records
from shared.clock import monotonic
from shared.db.engine import transact
from shared.ids import ExternalUserId
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.sync_runs import hold_run, set_phase
from sync_worker.reconcilers import contact_records
from sync_worker.resync import Work

DECIDE_AT_ONCE = 2000
LONGEST_S = 5.0


def decide_some(work: Work) -> bool:
    """Decide the next contacts in the order of their ids, for some seconds; True at the end."""
    started, cursor = monotonic(), work.run.cursor
    while monotonic() - started < LONGEST_S:
        after = transact(work.runtime.engine, partial(_decide, work=work, cursor=cursor))
        if after is None:
            return True
        cursor = after
    return False


def _decide(connection: Connection, *, work: Work, cursor: str) -> str | None:
    """One batch after `cursor`; the cursor of the next one, None when there was none."""
    hold_run(connection, work.run)
    keys = contacts_after(connection, work.tenant, cursor, limit=DECIDE_AT_ONCE)
    if not keys:
        _want_unshown(connection, work)
        return None
    now = work.runtime.clock.now()
    lock_customers(connection, work.tenant, keys)
    simple = assign_first_friends(
        connection, work.tenant, keys, cause="bootstrap", caused_by=work.run.caused_by, now=now
    )
    mark_friends(connection, work.tenant.id, sorted(simple))
    _decide_one_by_one(connection, work, [one for one in keys if one not in simple])
    _recognise(connection, work, keys)
    set_phase(connection, work.run, "decide", cursor=keys[-1])
    return keys[-1]


def _decide_one_by_one(connection: Connection, work: Work, keys: list[ExternalUserId]) -> None:
    if not keys:
        return
    now = work.runtime.clock.now()
    recorded = load_recorded(connection, work.tenant, keys)
    states = [
        contact_records.ContactState(one, known.customer_id, known.relations)
        for one, known in recorded.items()
        if known.customer_id is not None
    ]
    facts: dict[ExternalUserId, list[Fact]] = {}
    contact_records.decide(connection, work.tenant, states, facts, now=now)
    caused = [Caused(fact, "bootstrap", work.run.caused_by) for found in facts.values() for fact in found]
    record_facts_and_notices(connection, work.tenant, caused, now=now, ttl_s=work.runtime.settings.message_ttl_s)


def _recognise(connection: Connection, work: Work, keys: list[ExternalUserId]) -> None:
    """Whom of the pool they are; a retailer who has put nobody there pays one look (POOL-9)."""
    if not has_records(connection, work.tenant.id):
        return
    recorded = load_recorded(connection, work.tenant, keys)
    shown = [
        Shown(one, known.profile, [(None, r) for r in known.relations.values()]) for one, known in recorded.items()
    ]
    now, settings, by = work.runtime.clock.now(), work.runtime.settings, work.run.caused_by
    facts = notice(
        connection, work.tenant, shown, region=settings.phone_region, cause="bootstrap", caused_by=by, now=now
    )
    caused = [Caused(fact, "bootstrap", by) for fact in facts]
    record_facts_and_notices(connection, work.tenant, caused, now=now, ttl_s=settings.message_ttl_s)


def _want_unshown(connection: Connection, work: Work) -> None:
    wishes = [
        Wanted(Subject(work.tenant.id, CONTACT, one), BACKFILL, "bootstrap", work.run.caused_by)
        for one in contacts_unshown(connection, work.tenant)
    ]
    want(connection, wishes, now=work.runtime.clock.now())
