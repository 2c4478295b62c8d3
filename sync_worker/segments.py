"""The thread of a worker process that refreshes segments: when somebody asks for it, and each day (SEG-1).

A thread of its own, beside that of cards: a large segment takes seconds, and cards should not wait for them.
"""

from functools import partial

import structlog
from prometheus_client import Histogram
from sqlalchemy import Connection

from services.finding.store import context_of
from services.notices.store import Caused, record_facts_and_notices
from services.rules.book import load_rules
from services.rules.circles import lines_of, reads
from services.rules.model import RuleKey
from services.rules.runs import ask_runs
from services.segments.model import NoSegmentError, SegmentRefreshed
from services.segments.refreshing import empty_deleted, next_wanted, note_failure, refresh, tenants_with_work
from services.stages.store import load_lines
from shared.clock import monotonic
from shared.db.engine import describe, is_passing, transact
from shared.directory import Directory
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.looking import Looking, each_alone

LOOK_EVERY_S = 1.0
SEGMENT = "segment"

log = structlog.get_logger()
took = Histogram(
    "guanxi_segment_refresh_seconds", "How long the refresh of a segment took", buckets=(0.1, 1, 5, 10, 60)
)


def keep_segments(runtime: Runtime, *, directory: Directory) -> Looking:
    """The thread."""
    return Looking("segments", lambda: refresh_wanted(runtime, directory), every_s=LOOK_EVERY_S)


def refresh_wanted(runtime: Runtime, directory: Directory) -> int:
    """One segment, and one page of deleted members, of each corp that has any; how many of both."""
    with runtime.engine.begin() as connection:
        due = tenants_with_work(connection)
        usable = directory.usable(connection, due)
    return each_alone(usable.values(), partial(_work, runtime), what="segments", tenant_of=lambda one: one.id)


def _work(runtime: Runtime, tenant: Tenant) -> int:
    with runtime.engine.begin() as connection:
        lines = lines_of(load_lines(connection, tenant))
        wanted = next_wanted(connection, tenant, reads=lambda given: reads(given, lines))
    removed = transact(runtime.engine, lambda connection: empty_deleted(connection, tenant.id))
    if wanted is None:
        return removed
    began = monotonic()
    try:
        transact(runtime.engine, partial(_refresh, runtime, tenant, wanted.id))
    except NoSegmentError:
        return 1
    except Exception as error:
        if is_passing(error):
            raise  # it is wanted still
        log.error("segments.not_refreshed", tenant_id=tenant.id, segment_id=wanted.id, reason=describe(error))
        transact(runtime.engine, partial(note_failure, tenant_id=tenant.id, segment_id=wanted.id))
        return 1
    took.observe(monotonic() - began)
    return 1


def _refresh(runtime: Runtime, tenant: Tenant, segment_id: int, connection: Connection) -> None:
    now = runtime.clock.now()
    context = context_of(tenant, region=runtime.settings.phone_region, now=now)
    fact = refresh(connection, tenant, segment_id, context)
    if fact is None:
        return
    facts = [Caused(fact, "rule", f"segment:{segment_id}")]
    record_facts_and_notices(connection, tenant, facts, now=now, ttl_s=runtime.settings.message_ttl_s)
    if fact.joined_count or fact.left_count:
        _tell_rules(connection, tenant, fact)


def _tell_rules(connection: Connection, tenant: Tenant, fact: SegmentRefreshed) -> None:
    """Rules that ask for this segment look at everybody: no card says who is in it."""
    lines, node = lines_of(load_lines(connection, tenant)), f"segment:{fact.segment_id}"
    keys: list[RuleKey] = [
        rule.key
        for rule in load_rules(connection, tenant)
        if any({node, "segment:*"} & reads(given, lines) for given in rule.filters)
    ]
    if keys:
        ask_runs(connection, tenant.id, keys, by=f"{SEGMENT}:{fact.segment_id}", now=fact.occurred_at)
