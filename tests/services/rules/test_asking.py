"""Rules as SQL about few customers, held against the plain reading of their filters (TAG-5, STG-1)."""

import random

from sqlalchemy import Connection

from services.finding.store import context_of, read_filter
from services.rules.asking import ask_line, ask_tags
from services.rules.model import AutomaticStage, LineRule, TagRule
from shared.db.engine import fetch_all, run
from shared.tenants import Tenant
from tests.services.finding.plain import random_filter, reads
from tests.services.finding.world import NOW, make_world, record_world


def test_rules_find_whom_the_plain_reading_finds_among_those_they_are_asked_about(
    connection: Connection, tenant: Tenant, other_tenant: Tenant
):
    """Any filters in one statement, any few customers of a corp: as the filters read, each by itself (TAG-5, CUS-3)."""
    draw = random.Random(11)
    world = make_world(draw, 40)
    record_world(connection, tenant, world)
    record_world(connection, other_tenant, make_world(draw, 40))
    context = context_of(tenant, region="CN", now=NOW)
    for _ in range(25):
        given = [random_filter(draw) for _ in range(6)]
        asked = draw.sample(world.people, 15)
        ids = [one.id for one in asked]
        filters = [read_filter(connection, tenant, one) for one in given]
        sql, values = ask_tags([TagRule(n, 9000 + n, one) for n, one in enumerate(filters)], context)
        rows = fetch_all(connection, sql, f_ids=ids, **values)
        expected = {(one.id, n) for one in asked for n, told in enumerate(given) if reads(told, one)}
        assert {(row["customer_id"], row["rule_id"]) for row in rows} == expected and all(row["met"] for row in rows)
        stages = tuple(AutomaticStage(n, one) for n, one in enumerate(filters))
        sql, values = ask_line(LineRule(77, stages), context)
        met = {row["customer_id"]: row["met"] for row in fetch_all(connection, sql, f_ids=ids, **values)}
        for one in asked:
            assert met.get(one.id, []) == [n for n, told in enumerate(given) if reads(told, one)]


def test_a_negation_about_one_customer_reads_no_other_rows(connection: Connection, tenant: Tenant):
    """Among many events the plan looks up the customer's own: a fact costs the same in a large corp (TAG-5)."""
    run(
        connection,
        "insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at) "
        "select :t, 'e' || n, n, 'visited', :now, :now from generate_series(1, 20000) n",
        t=tenant.id,
        now=NOW,
    )
    run(connection, "analyze customer_event")
    context = context_of(tenant, region="CN", now=NOW)
    given = {
        "groups": [
            {
                "match": "any",
                "conditions": [
                    {"field": "event", "op": "is_not", "value": {"kind": "visited"}},
                    {"field": "order", "op": "is_not", "value": {"at_least": 2}},
                ],
            }
        ]
    }
    sql, values = ask_tags([TagRule(1, 1, read_filter(connection, tenant, given))], context)
    plan = "\n".join(row["QUERY PLAN"] for row in fetch_all(connection, f"explain {sql}", f_ids=[5], **values))
    assert "hashed SubPlan" not in plan and "(customer_id = k.customer_id)" in plan, plan
