"""Scores and points: rules per behaviour, adjusting by hand, the ledger (CUS-11)."""

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import CustomerPath, PageQuery
from console.api.asked_records import NumberPath
from console.api.asked_rules import AdjustBody, AdjustOneBody, ScoreRuleBody, ScoreSettingsBody
from console.api.gate import caller
from console.api.meant import MOST_FOUND, chosen
from console.api.routes import operation
from console.api.told_rules import AdjustedOut, LedgerEntryOut, LedgerOut, ScoreRuleOut, ScoreRulesOut
from services.chosen import these
from services.finding.selection import Selection
from services.joining.join import NoCustomerError
from services.persons.model import CUSTOMER
from services.persons.store import standing_for
from services.scores.adjusting import adjust_page
from services.scores.model import MOST_RULES, ScoreRefusedError, ScoresAdjusted
from services.scores.store import (
    allow_below_zero,
    end_score_rule,
    find_score_rule,
    is_below_zero_allowed,
    load_ledger,
    load_score_rules,
    record_score_rule,
)
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId

GROUP = "scores"


@operation("get", "/score-rules", Scope.RULES_READ, ScoreRulesOut, group=GROUP)
def list_score_rules() -> Response:
    """List the rules that count behaviours for scores and points."""
    return read(_rules_out)


@operation("post", "/score-rules", Scope.RULES_WRITE, ScoreRulesOut, status=201, group=GROUP, once=True)
def make_score_rule(body: ScoreRuleBody) -> Response:
    """Count a behaviour from now on: each once. A rule is not edited: end it, and make another one."""

    def work(work: Work) -> Done:
        if len(load_score_rules(work.connection, work.tenant.id)) >= MOST_RULES:
            raise ScoreRefusedError(f"there are {MOST_RULES} score rules at most: end one first")
        values, by = body.model_dump(), caller().actor
        values["account"] = body.account
        rule = record_score_rule(work.connection, work.tenant.id, **values, by=by, now=work.now)
        change = Change("score_rule.made", "score_rule", str(rule.id), after=body.model_dump(mode="json"))
        return Done(_rules_out(work), 201, (change,))

    return write(work, once=True)


@operation("put", "/score-settings", Scope.RULES_WRITE, ScoreRulesOut, group=GROUP)
def set_score_settings(body: ScoreSettingsBody) -> Response:
    """Say whether points may be fewer than none."""

    def work(work: Work) -> Done:
        before = allow_below_zero(work.connection, work.tenant.id, body.points_below_zero)
        change = Change(
            "score_settings.set",
            "score_settings",
            "points",
            {"points_below_zero": before},
            {"points_below_zero": body.points_below_zero},
        )
        return Done(_rules_out(work), 200, (change,))

    return write(work)


@operation("post", "/customers/<id>/score", Scope.CUSTOMERS_WRITE, AdjustedOut, group=GROUP, once=True, limited=True)
def adjust_score(path: CustomerPath, body: AdjustOneBody) -> Response:
    """Add to a customer's score or points, or take away, with a reason that stands in the ledger."""

    def work(work: Work) -> Done:
        return _adjust(work, these(work.tenant.id, [path.id]), body)

    return write(work, once=True)


@operation("post", "/customers:adjust-score", Scope.CUSTOMERS_WRITE, AdjustedOut, group=GROUP, once=True)
def adjust_scores(body: AdjustBody) -> Response:
    """Add to the score or points of many: up to 1,000 named ones, or up to 10,000 whom a filter finds."""
    return write(lambda work: _adjust(work, chosen(work, body), body), once=True)


def _adjust(work: Work, meant: Selection, body: AdjustOneBody | AdjustBody) -> Done:
    done = adjust_page(
        work.connection,
        work.tenant,
        meant,
        body.account,
        body.amount,
        reason=body.reason,
        limit=MOST_FOUND,
        by_whom=caller().actor,
        now=work.now,
    )
    after = {"account": body.account.value, "added": body.amount, "reason": body.reason}
    changes = tuple(Change("customer.score_adjusted", CUSTOMER, str(one), after=after) for one in done.changed)
    answer = AdjustedOut(chosen_count=done.chosen_count, changed_count=len(done.changed), too_few=list(done.too_few))
    if not done.changed:
        return Done(answer)
    fact = ScoresAdjusted(
        occurred_at=work.now, account=body.account.value, amount=body.amount, customer_ids=tuple(done.changed)
    )
    return Done(answer, 200, changes, (fact,))


@operation("get", "/customers/<id>/ledger", Scope.CUSTOMERS_READ, LedgerOut, group=GROUP, limited=True)
def list_ledger(path: CustomerPath, query: PageQuery) -> Response:
    """List what a customer's score and points are the sum of, newest first."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> LedgerOut:
        customer_id = standing_for(work.connection, work.tenant.id, CustomerId(path.id))
        if customer_id is None:
            raise NoCustomerError("no such customer")
        before = after.id if after else None
        lines = load_ledger(work.connection, work.tenant, customer_id, before=before, limit=query.limit + 1)
        shown = lines[: query.limit]
        return LedgerOut(
            entries=[
                LedgerEntryOut(
                    entry_id=one.id,
                    account=one.account,
                    amount=one.amount,
                    rule_id=one.rule_id,
                    occurred_at=one.occurred_at,
                    recorded_at=one.recorded_at,
                    by=one.by_whom,
                    reason=one.reason,
                )
                for one in shown
            ],
            next_cursor=cursors.encode(shown[-1].id) if len(lines) > len(shown) else None,
        )

    return read(work)


@operation("delete", "/score-rules/<id>", Scope.RULES_WRITE, ScoreRulesOut, group=GROUP)
def end_one_score_rule(path: NumberPath) -> Response:
    """End a rule: it counts nothing any more, and what it counted stays."""

    def work(work: Work) -> Done:
        rule = find_score_rule(load_score_rules(work.connection, work.tenant.id), path.id)
        end_score_rule(work.connection, work.tenant.id, rule.id, by=caller().actor, now=work.now)
        return Done(
            _rules_out(work), 200, (Change("score_rule.ended", "score_rule", str(rule.id), {"name": rule.name}),)
        )

    return write(work)


def _rules_out(work: Work) -> ScoreRulesOut:
    return ScoreRulesOut(
        rules=[
            ScoreRuleOut(
                rule_id=one.id,
                account=one.account.value,
                name=one.name,
                behaviour=one.behaviour,
                amount=one.amount,
                each=one.each,
                per_day=one.per_day,
                made_at=one.made_at,
            )
            for one in load_score_rules(work.connection, work.tenant.id)
        ],
        points_below_zero=is_below_zero_allowed(work.connection, work.tenant.id),
    )
