"""Segments and rules over many customers: refreshing a segment, and a new rule that looks at everybody.

`python -m bench segments` makes a town of BENCH_SIZE customers (1,000,000; bench/town.py); BENCH_HOME keeps it.
"""

import os
import time
from datetime import timedelta

from redis import Redis
from sqlalchemy import Engine, text

from bench.finding import VAULT, peak_mib, town
from bench.measure import Line
from bench.town import NOW
from services.finding.store import context_of
from services.rules.book import lock_rules, record_automatic_tag
from services.rules.model import RuleKey
from services.rules.runs import ask_runs
from services.segments.model import Kind
from services.segments.portrait import portray
from services.segments.refreshing import refresh
from services.segments.store import record_segment, want_refresh
from shared.clock import FixedClock
from shared.db.engine import fetch_one, run
from shared.directory import Directory
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.tenants import Tenant
from sync_worker.ruling import Ruling


def _one(field: str, op: str, value: object) -> dict[str, object]:
    return {"groups": [{"conditions": [{"field": field, "op": op, "value": value}]}]}


FILTERS = {
    "everybody": {},
    "buyers": _one("purchase_count", "between", {"min": 1}),
    "added in a month, and by gender": {
        "groups": [
            {
                "conditions": [
                    {"field": "last_added", "op": "within", "value": {"days": 30}},
                    {"field": "gender", "op": "equals", "value": "female"},
                ]
            }
        ]
    },
}


def measure() -> list[Line]:
    with town(int(os.environ.get("BENCH_SIZE", "1000000"))) as (engine, tenant, made):
        lines = list(made)
        for name, given in FILTERS.items():
            lines += _segment(engine, tenant, name, given)
        lines.append(_rule(engine, tenant))
        lines.append(Line("most memory of this process", (peak_mib(),), "MiB"))
        return lines


def _segment(engine: Engine, tenant: Tenant, name: str, given: object) -> list[Line]:
    """Filled, refreshed with nothing new, refreshed with all of it to go."""
    lines, count = [], 0
    with engine.begin() as connection:
        title = f"bench {name} {time.time()}"
        segment_id = record_segment(
            connection, tenant, name=title, category=None, kind=Kind.DYNAMIC, given=given, by="x", now=NOW
        )
    for what, days in (("filled", 0), ("refreshed", 0), ("refreshed again", 1)):
        with engine.begin() as connection:
            want_refresh(connection, tenant.id, segment_id, by="x", now=NOW)
        began = time.perf_counter()
        with engine.begin() as connection:
            context = context_of(tenant, region="CN", now=NOW + timedelta(days=days))
            fact = refresh(connection, tenant, segment_id, context)
        took = time.perf_counter() - began
        assert fact is not None
        count = fact.member_count
        lines.append(Line(f"segment of {name}, {fact.member_count:,}: {what}", (1000 * took,), "ms"))
    began = time.perf_counter()
    with engine.begin() as connection:
        portray(connection, tenant.id, segment_id, member_count=count)
    lines.append(Line(f"segment of {name}: portrait", (1000 * (time.perf_counter() - began),), "ms"))
    return lines


def _rule(engine: Engine, tenant: Tenant) -> Line:
    """A new automatic tag for a part of everybody: customers looked at per second."""
    with engine.begin() as connection:
        run(connection, "delete from automatic_tag")
        lock_rules(connection, tenant.id)
        tag = fetch_one(
            connection,
            "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) "
            "values (:t, 1, 'automatic', :name, 1, :now) returning id",
            t=tenant.id,
            name=f"bench {time.time()}",
            now=NOW,
        )
        assert tag is not None
        rule_id = record_automatic_tag(connection, tenant, tag["id"], FILTERS["buyers"], by="x", now=NOW)
        ask_runs(connection, tenant.id, [RuleKey("tag", rule_id)], by="x", now=NOW)
    runtime = Runtime(load_settings(), FixedClock(NOW), engine, Redis(), VAULT)
    ruling = Ruling(runtime, Directory(VAULT))
    began = time.perf_counter()
    while ruling.step():
        pass
    took = time.perf_counter() - began
    with engine.begin() as connection:
        row = connection.execute(text("select seen_count from rule_run where rule_id = :r"), {"r": rule_id}).one()
    return Line("a new rule over everybody", (row[0] / took,), "customers/s")
