"""Asks rules about customers and does what follows, in the transaction of whoever holds the lock of cards.

First all is asked, then whoever is concerned is locked in one order, then it is written: a look that finds nothing new
locks and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.chosen import lock_page, touch
from services.finding.giving import Context
from services.planning import Fact
from services.rules.asking import ask_line, ask_tags
from services.rules.model import Rule, TagNews
from services.rules.plan import Round, stage_facts, tag_facts
from services.stages.moving import Met, follow_rules
from shared.db.engine import as_json, describe, fetch_all, is_passing, run
from shared.ids import CustomerId, TenantId

log = structlog.get_logger()
changed = Counter("guanxi_rules_changes", "What rules changed of customers", ["what"])


@dataclass(frozen=True)
class Applied:
    """What rules did: facts to record, customers who changed, and rules that could not be asked."""

    facts: tuple[Fact, ...] = ()
    customer_ids: frozenset[CustomerId] = frozenset()
    failed: tuple[Rule, ...] = ()


def apply_rules(connection: Connection, rounds: Sequence[Round], context: Context) -> Applied:
    """Ask, lock, write. The caller records the facts in the same transaction."""
    tags: list[TagNews] = []
    stages: list[Met] = []
    failed: list[Rule] = []
    for one in rounds:
        try:
            with connection.begin_nested():
                new_tags, new_stages = _ask(connection, one, context)
        except Exception as error:
            if is_passing(error):
                raise
            log.error("rules.failed", tenant_id=context.tenant_id, rules=[r.key for r in one.rules],
                      reason=describe(error))  # fmt: skip
            failed += one.rules
        else:
            tags += new_tags
            stages += new_stages
    if not tags and not stages:
        return Applied(failed=tuple(failed))
    automatic = [stage.id for one in rounds for line in one.lines for stage in line.stages]
    applied = _write(connection, context.tenant_id, tags, stages, automatic=automatic, now=context.now)
    return Applied(applied.facts, applied.customer_ids, tuple(failed))


def _ask(connection: Connection, one: Round, context: Context) -> tuple[list[TagNews], list[Met]]:
    ids, tags, stages = list(one.customer_ids), list[TagNews](), list[Met]()
    if one.tags:
        sql, given = ask_tags(one.tags, context)
        tags = [TagNews(**row) for row in fetch_all(connection, sql, f_ids=ids, **given)]
    for line in one.lines:
        sql, given = ask_line(line, context)
        stages += [
            Met(CustomerId(row["customer_id"]), line.id, tuple(row["met"]))
            for row in fetch_all(connection, sql, f_ids=ids, **given)
        ]
    return tags, stages


def _write(
    connection: Connection,
    tenant_id: TenantId,
    tags: Sequence[TagNews],
    stages: Sequence[Met],
    *,
    automatic: Sequence[int],
    now: datetime,
) -> Applied:
    living = _lock_tags(connection, tenant_id, {one.tag_id for one in tags})
    concerned = sorted({*(one.customer_id for one in tags), *(one.customer_id for one in stages)})
    locked = set(lock_page(connection, tenant_id, concerned))
    wanted = [one for one in tags if one.tag_id in living and one.customer_id in locked]
    given = _give(connection, tenant_id, [one for one in wanted if one.met], now=now)
    taken = _take(connection, tenant_id, [one for one in wanted if not one.met])
    found = [one for one in stages if one.customer_id in locked]
    moved = follow_rules(connection, tenant_id, found, automatic=automatic, now=now) if found else []
    touched = frozenset({one.customer_id for one in (*given, *taken)} | {one.customer_id for one in moved})
    touch(connection, tenant_id, touched, now=now)
    for what, number in (("tags given", len(given)), ("tags taken", len(taken)), ("stages", len(moved))):
        changed.labels(what).inc(number)
    told = [*tag_facts([*given, *taken], at=now), *stage_facts(moved, by_rule=True, at=now)]
    return Applied(tuple(told), touched)


def _lock_tags(connection: Connection, tenant_id: TenantId, ids: set[int]) -> set[int]:
    """Those of them that live; nobody deletes them until the transaction ends."""
    if not ids:
        return set()
    rows = fetch_all(
        connection,
        "select id from local_tag where tenant_id = :tenant_id and id = any(:ids) and deleted_at is null order by id "
        "for share",
        tenant_id=tenant_id,
        ids=sorted(ids),
    )
    return {row["id"] for row in rows}


def _give(connection: Connection, tenant_id: TenantId, news: Sequence[TagNews], *, now: datetime) -> list[TagNews]:
    if news:
        run(
            connection,
            "insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) "
            "select :tenant_id, customer_id, tag_id, :now, 'rule:' || rule_id "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, tag_id bigint, rule_id bigint) "
            "order by 2, 3 on conflict do nothing",
            tenant_id=tenant_id,
            now=now,
            rows=_rows(news),
        )
    return list(news)


def _take(connection: Connection, tenant_id: TenantId, news: Sequence[TagNews]) -> list[TagNews]:
    if news:
        run(
            connection,
            "delete from customer_tag c using jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, "
            "tag_id bigint) where c.tenant_id = :tenant_id and c.customer_id = r.customer_id and c.tag_id = r.tag_id",
            tenant_id=tenant_id,
            rows=_rows(news),
        )
    return list(news)


def _rows(news: Sequence[TagNews]) -> str:
    return as_json([{"customer_id": n.customer_id, "tag_id": n.tag_id, "rule_id": n.rule_id} for n in news])
