"""Rules of the pool, and contacts of whom a person must say who they are (POOL-9, POOL-12, POOL-13)."""

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked_pool import (
    AssignRuleBody,
    MatchBody,
    MatchesQuery,
    MatchPath,
    ReturnRuleBody,
    ReturnRulePath,
    RulePath,
)
from console.api.gate import caller
from console.api.pool import GROUP, act_of
from console.api.routes import operation
from console.api.told_pool import PoolMatchesOut, PoolMatchOut, PoolResolvedOut, PoolRuleOut, PoolRulesOut
from services.joining.recognise import resolve
from services.pool.matches import load_matches
from services.pool.model import POOL
from services.pool.rules import Draft, Rule, change_rule, delete_rule, load_rule, load_rules, make_rule
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId


def rule_out(rule: Rule) -> PoolRuleOut:
    return PoolRuleOut(**{name: getattr(rule, name) for name in PoolRuleOut.model_fields})


def _assign_draft(body: AssignRuleBody) -> Draft:
    conditions = body.conditions.model_dump(mode="json")
    return Draft("assign", body.name, body.position, body.enabled, conditions, body.action.model_dump(mode="json"))


def _return_draft(body: ReturnRuleBody) -> Draft:
    conditions = body.model_dump(mode="json", include={"days", "statuses", "sources"})
    return Draft("return", body.name, 0, body.enabled, conditions, {})


def _shown(rule: Rule) -> dict[str, object]:
    return {name: getattr(rule, name) for name in ("name", "position", "enabled", "conditions", "action")}


def _make(draft: Draft) -> Response:
    def work(work: Work) -> Done:
        rule = make_rule(work.connection, work.tenant.id, draft, act_of("rule", work))
        return Done(rule_out(rule), 201, (Change("pool_rule.made", POOL, f"rule:{rule.id}", after=_shown(rule)),))

    return write(work, once=True)


def _change(rule_id: int, draft: Draft) -> Response:
    def work(work: Work) -> Done:
        before = _shown(load_rule(work.connection, work.tenant.id, rule_id))
        rule = change_rule(work.connection, work.tenant.id, rule_id, draft, act_of("rule", work))
        change = Change("pool_rule.edited", POOL, f"rule:{rule_id}", before, _shown(rule))
        return Done(rule_out(rule), 200, (change,))

    return write(work)


@operation("get", "/pool/rules", Scope.POOL_READ, PoolRulesOut, group=GROUP)
def list_pool_rules() -> Response:
    """List the rules in the order in which they are asked."""
    return read(lambda work: PoolRulesOut(rules=[rule_out(one) for one in load_rules(work.connection, work.tenant.id)]))


@operation("post", "/pool/assign-rules", Scope.POOL_WRITE, PoolRuleOut, status=201, group=GROUP, once=True)
def make_assign_rule(body: AssignRuleBody) -> Response:
    """Make a rule that gives unassigned customers to associates; those who wait are looked at with it."""
    return _make(_assign_draft(body))


@operation("put", "/pool/assign-rules/<id>", Scope.POOL_WRITE, PoolRuleOut, group=GROUP)
def edit_assign_rule(path: RulePath, body: AssignRuleBody) -> Response:
    """Replace what a rule says. What it has done stays."""
    return _change(path.id, _assign_draft(body))


@operation("post", "/pool/return-rules", Scope.POOL_WRITE, PoolRuleOut, status=201, group=GROUP, once=True)
def make_return_rule(body: ReturnRuleBody) -> Response:
    """Make a rule that sends customers back with whom nothing has happened for some days."""
    return _make(_return_draft(body))


@operation("put", "/pool/return-rules/<id>", Scope.POOL_WRITE, PoolRuleOut, group=GROUP)
def edit_return_rule(path: ReturnRulePath, body: ReturnRuleBody) -> Response:
    """Replace what a rule says. What it has done stays."""
    return _change(path.id, _return_draft(body))


@operation("delete", "/pool/rules/<id>", Scope.POOL_WRITE, PoolRulesOut, group=GROUP)
def delete_pool_rule(path: RulePath) -> Response:
    """Delete a rule of either kind. What it has done stays."""

    def work(work: Work) -> Done:
        before = _shown(load_rule(work.connection, work.tenant.id, path.id))
        delete_rule(work.connection, work.tenant.id, path.id, now=work.now)
        left = PoolRulesOut(rules=[rule_out(one) for one in load_rules(work.connection, work.tenant.id)])
        return Done(left, 200, (Change("pool_rule.deleted", POOL, f"rule:{path.id}", before),))

    return write(work)


@operation("get", "/pool/matches", Scope.POOL_READ, PoolMatchesOut, group=GROUP)
def list_pool_matches(query: MatchesQuery) -> Response:
    """List new friends who may be somebody in the pool, and of whom a person must say who they are."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> PoolMatchesOut:
        last = 0 if after is None else after.id
        rows = load_matches(work.connection, work.tenant.id, after=last, limit=query.limit + 1)
        shown = rows[: query.limit]
        return PoolMatchesOut(
            matches=[PoolMatchOut(**{name: row[name] for name in PoolMatchOut.model_fields}) for row in shown],
            next_cursor=cursors.encode(shown[-1]["id"]) if len(rows) > len(shown) else None,
        )

    return read(work)


@operation("put", "/pool/matches/<id>", Scope.POOL_WRITE, PoolResolvedOut, group=GROUP)
def resolve_match(path: MatchPath, body: MatchBody) -> Response:
    """Say which of the customers a contact is: the two records become one. Null: none of them."""
    chosen = None if body.customer_id is None else CustomerId(body.customer_id)

    def work(work: Work) -> Done:
        joined = resolve(work.connection, work.tenant, path.id, chosen, by=caller().actor, now=work.now)
        change = Change("pool_match.resolved", POOL, f"match:{path.id}", after={"customer_id": chosen})
        if joined is None:
            return Done(PoolResolvedOut(customer_id=None, merged_ids=[]), 200, (change,))
        answer = PoolResolvedOut(customer_id=joined.customer_id, merged_ids=list(joined.merged))
        return Done(answer, 200, (change, *joined.changes), joined.facts)

    return write(work)
