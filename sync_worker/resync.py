"""Full passes. For now the first sync of a corp (bootstrap): it fills the mirror and tells nobody.

A run is cut into blocks of up to a hundred associates. A block's cursor is saved after its page is committed, so a run
resumes at the page where it stopped. The pages only add what they show: absence in a walk means nothing. When all
blocks are walked, assignment and standing are decided for every contact, a thousand at a time.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.associates.model import ASSOCIATE, Associate
from services.associates.store import record_associates
from services.customers.model import CONTACT, Observed
from services.customers.store import (
    contacts_after,
    contacts_read_since,
    contacts_with_evidence,
    load_recorded,
    lock_customers,
)
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from shared.db.engine import describe, is_away
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.ids import ExternalUserId
from shared.requests import BACKFILL, EVENTS, Subject, Wanted, lock, want
from shared.runtime import Runtime
from shared.sync_runs import (
    Block,
    Run,
    add_blocks,
    finish_bootstrap,
    has_blocks,
    holds,
    lease_run,
    next_block,
    open_bootstraps,
    release,
    save_cursor,
    save_settling,
    split_block,
)
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import Clients
from shared.wecom.errors import NO_MEMBER, NO_RELATION, PostponedError, WeComError
from shared.wecom.payloads import BatchPage
from sync_worker.reconcilers import contacts

BLOCK_SIZE = 100
SETTLE_SIZE = 1000
BAD_CURSOR = 50100
REFUSED_MEMBER = NO_MEMBER | NO_RELATION | {40031, 40058}
"""Whether one bad userid fails a whole batch read is not documented; if it does, it must not stop the walk."""

log = structlog.get_logger()


def walk_step(runtime: Runtime, directory: Directory, clients: Clients) -> int:
    """Do one page of one open run, if there is any; 1 if there was."""
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        open_bootstraps(connection, now=now)
        held = lease_run(connection, now=now, lease_s=runtime.settings.lease_s)
        if held is None:
            return 0
        tenant = directory.tenant(connection, held.tenant_id)
    try:
        _step(runtime, clients.of(tenant).at(Priority.BACKFILL), tenant, held)
    except Exception as error:  # a run that fails waits; nothing else does
        if is_away(error):
            raise
        _give_back(runtime, held, error)
    return 1


def _step(runtime: Runtime, client: WeComClient, tenant: Tenant, held: Run) -> None:
    if held.state == "settling":
        _settle_some(runtime, tenant, held)
        return
    with runtime.engine.begin() as connection:
        started, block = has_blocks(connection, held), next_block(connection, held)
    if not started:
        _start(runtime, client, tenant, held)
    elif block is None:
        _end_walk(runtime, held)
    else:
        _walk_page(runtime, client, tenant, held, block)


def _give_back(runtime: Runtime, held: Run, error: Exception) -> None:
    now, backoff = runtime.clock.now(), runtime.settings.reconcile_backoff_s
    wait_s = backoff[min(held.attempts, len(backoff) - 1)]
    after_s = getattr(error, "after_s", None) or wait_s
    with runtime.engine.begin() as connection:
        failure = None if isinstance(error, PostponedError) else describe(error)
        release(connection, held, at=now + timedelta(seconds=after_s), error=failure)
    expected = isinstance(error, RetryableError | TerminalError | DBAPIError)
    log.warning(
        "resync.retry",
        tenant_id=held.tenant_id,
        run_id=held.id,
        reason=describe(error),
        after_s=after_s,
        exc_info=None if expected else error,
    )


def _start(runtime: Runtime, client: WeComClient, tenant: Tenant, held: Run) -> None:
    userids = sorted(client.contacts.follow_users())
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        if not holds(connection, held):
            return
        record_associates(connection, tenant.id, [Associate(userid) for userid in userids], now=now)
        names = [Wanted(Subject(tenant.id, ASSOCIATE, userid), BACKFILL, "bootstrap") for userid in userids]
        want(connection, names, now=now)
        if userids:
            add_blocks(connection, held, [userids[i : i + BLOCK_SIZE] for i in range(0, len(userids), BLOCK_SIZE)])
        else:
            save_settling(connection, held, cursor="")
        release(connection, held, at=now)
    log.info("resync.started", tenant_id=tenant.id, run_id=held.id, associates=len(userids))


def _walk_page(runtime: Runtime, client: WeComClient, tenant: Tenant, held: Run, block: Block) -> None:
    read_at = runtime.clock.now()
    page = _read_page(runtime, client, held, block)
    if page is None:
        return
    now = runtime.clock.now()
    sightings = _sightings(page, held, read_at=read_at)
    try:
        with runtime.engine.begin() as connection:
            if not holds(connection, held):
                return
            _record_page(connection, runtime, tenant, sightings, now=now)
    except DBAPIError as error:
        if is_away(error):
            raise
        _leave_to_themselves(runtime, tenant, sightings, error)
    with runtime.engine.begin() as connection:
        if not holds(connection, held):
            return
        # Events that came while the page was read and recorded: their contacts are read again. Evidence that comes
        # after this look has its own request, whose run sees the page's rows.
        told = contacts_with_evidence(connection, tenant, [profile.external_userid for profile, _ in page.rows])
        want(connection, [Wanted(Subject(tenant.id, CONTACT, one), EVENTS, "event") for one in told], now=now)
        done = not page.next_cursor
        save_cursor(connection, held, block, cursor=page.next_cursor, done=done, rows=len(page.rows))
        release(connection, held, at=now)
    log.info("resync.page", tenant_id=tenant.id, run_id=held.id, block=block.number, rows=len(page.rows), done=done)


def _read_page(runtime: Runtime, client: WeComClient, held: Run, block: Block) -> BatchPage | None:
    """None when WeCom refuses these associates together: they are walked one by one from now on."""
    try:
        return client.contacts.batch(block.userids, cursor=block.cursor)
    except WeComError as error:
        if error.code == BAD_CURSOR and block.cursor:
            return client.contacts.batch(block.userids)  # a refused cursor restarts its block
        if error.code not in REFUSED_MEMBER:
            raise
        if len(block.userids) == 1:
            return BatchPage((), "")  # they have no customers, or have left meanwhile
        log.warning("resync.block_split", tenant_id=held.tenant_id, run_id=held.id, block=block.number, code=error.code)
    with runtime.engine.begin() as connection:
        if holds(connection, held):
            split_block(connection, held, block)
            release(connection, held, at=runtime.clock.now())
    return None


def _record_page(
    connection: Connection, runtime: Runtime, tenant: Tenant, sightings: list[contacts.Sighting], *, now: datetime
) -> None:
    """Record what a page shows, but leave every contact that an event or a later read told of to its own request."""
    keys = [sighting.key for sighting in sightings]
    lock(connection, [Subject(tenant.id, CONTACT, key) for key in keys])
    told = set(contacts_with_evidence(connection, tenant, keys))
    if sightings:
        told |= contacts_read_since(connection, tenant, keys, since=sightings[0].observed.observed_at)
    left = [sighting for sighting in sightings if sighting.key not in told]
    contacts.record(connection, runtime.settings, tenant, left, now=now, decide_customers=False)


def _leave_to_themselves(
    runtime: Runtime, tenant: Tenant, sightings: list[contacts.Sighting], error: DBAPIError
) -> None:
    """A page that the database refuses is read again contact by contact: the bad one is buried, the others arrive."""
    log.warning("resync.page_refused", tenant_id=tenant.id, rows=len(sightings), reason=describe(error))
    with runtime.engine.begin() as connection:
        wishes = [Wanted(Subject(tenant.id, CONTACT, one.key), BACKFILL, "bootstrap") for one in sightings]
        want(connection, wishes, now=runtime.clock.now())


def _sightings(page: BatchPage, held: Run, *, read_at: datetime) -> list[contacts.Sighting]:
    """One sighting per contact; a page lists a contact once per associate, and never says that it is all of them."""
    found: dict[ExternalUserId, contacts.Sighting] = {}
    for profile, relation in page.rows:
        one = contacts.observed_relation(relation)
        before = found.get(profile.external_userid)
        relations = (*(before.observed.relations if before else ()), one)
        observed = Observed(
            profile.external_userid, contacts.observed_profile(profile), relations, read_at, complete=False
        )
        found[profile.external_userid] = contacts.Sighting(observed, "bootstrap", f"run:{held.id}")
    return list(found.values())


def _end_walk(runtime: Runtime, held: Run) -> None:
    with runtime.engine.begin() as connection:
        if holds(connection, held):
            save_settling(connection, held, cursor="")
            release(connection, held, at=runtime.clock.now())


def _settle_some(runtime: Runtime, tenant: Tenant, held: Run) -> None:
    """Decide assignment and standing of the next thousand contacts, in the order of their ids."""
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        if not holds(connection, held):
            return
        keys = contacts_after(connection, tenant, held.cursor, limit=SETTLE_SIZE)
        if not keys:
            finish_bootstrap(connection, held, now=now)
            log.info("resync.done", tenant_id=tenant.id, run_id=held.id)
            return
        _decide(connection, runtime, tenant, held, keys, now=now)
        save_settling(connection, held, cursor=keys[-1])
        release(connection, held, at=now)


def _decide(
    connection: Connection, runtime: Runtime, tenant: Tenant, held: Run, keys: list[ExternalUserId], *, now: datetime
) -> None:
    lock_customers(connection, tenant, keys)
    recorded = load_recorded(connection, tenant, keys)
    states = [
        contacts.ContactState(one, known.customer_id, known.relations)
        for one, known in recorded.items()
        if known.customer_id is not None
    ]
    facts: dict[ExternalUserId, list[Fact]] = {}
    contacts.decide(connection, tenant, states, facts, now=now)
    caused = [Caused(fact, "bootstrap", f"run:{held.id}") for found in facts.values() for fact in found]
    record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=runtime.settings.message_ttl_s)
