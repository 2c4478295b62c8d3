"""Automatic tags: whom their rules find has them, nobody else (TAG-5); and the runs of rules over everybody."""

from typing import Any

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_records import NumberPath
from console.api.asked_rules import AutomaticTagBody, AutomaticTagEditBody, RunBody, told
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_rules import AutomaticTagOut, AutomaticTagsOut, RunOut, RunsOut
from services.finding.store import read_filter
from services.rules.book import (
    RUNNING,
    find_automatic_tag,
    load_automatic_tags,
    lock_automatic_tag,
    lock_rules,
    record_automatic_tag,
    record_automatic_tag_edit,
    record_automatic_tag_end,
)
from services.rules.checking import refuse_circle
from services.rules.model import MOST_RULES, RuleKey, RuleRefusedError
from services.rules.runs import Run, ask_runs, load_runs
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "rules"
LOCAL = "local:"


@operation("get", "/automatic-tags", Scope.RULES_READ, AutomaticTagsOut, group=GROUP)
def list_automatic_tags() -> Response:
    """List the rules of automatic tags."""
    return read(_rules_out)


@operation("post", "/automatic-tags", Scope.RULES_WRITE, AutomaticTagsOut, status=201, group=GROUP, once=True)
def make_automatic_tag(body: AutomaticTagBody) -> Response:
    """Give an automatic tag its rule; everybody is looked at in the background. A tag has one rule."""
    tag_id, given = int(body.tag_id.removeprefix(LOCAL)), told(body.filter)

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        read_filter(work.connection, work.tenant, given)
        rules = load_automatic_tags(work.connection, work.tenant)
        lock_automatic_tag(work.connection, work.tenant.id, tag_id)
        if any(one.tag_id == tag_id for one in rules):
            raise RuleRefusedError("this tag has a rule already: change that one")
        if len(rules) >= MOST_RULES:
            raise RuleRefusedError(f"there are {MOST_RULES} rules of automatic tags at most")
        by = caller().actor
        rule_id = record_automatic_tag(work.connection, work.tenant, tag_id, given, by=by, now=work.now)
        refuse_circle(work.connection, work.tenant, f"tag:{tag_id}")
        ask_runs(work.connection, work.tenant.id, [RuleKey("tag", rule_id)], by=by, now=work.now)
        change = Change("automatic_tag.made", "automatic_tag", str(rule_id), after={"tag_id": tag_id, "filter": given})
        return Done(_rules_out(work), 201, (change,))

    return write(work, once=True)


@operation("get", "/rule-runs", Scope.RULES_READ, RunsOut, group=GROUP)
def list_rule_runs() -> Response:
    """List how far rules are that look at everybody: the last run of each, newest first."""

    def work(work: Work) -> RunsOut:
        runs = load_runs(work.connection, work.tenant.id)
        order = sorted(runs.values(), key=lambda one: one.asked_at, reverse=True)
        return RunsOut(runs=[_run_out(one) for one in order])

    return read(work)


def _run_out(run: Run) -> RunOut:
    same: dict[str, Any] = {name: getattr(run, name) for name in RunOut.model_fields if hasattr(run, name)}
    return RunOut(kind=run.key.kind, rule_id=run.key.id, **same)


@operation("post", "/automatic-tags/<id>/runs", Scope.RULES_WRITE, RunsOut, status=202, group=GROUP)
def run_automatic_tag(path: NumberPath, body: RunBody) -> Response:  # noqa: ARG001 - a POST has a body
    """Have a rule look at everybody now, in the background."""

    def work(work: Work) -> Done:
        rule = find_automatic_tag(load_automatic_tags(work.connection, work.tenant), path.id)
        if rule.state != RUNNING:
            raise RuleRefusedError("this rule is stopped; let it run first")
        key = RuleKey("tag", rule.id)
        ask_runs(work.connection, work.tenant.id, [key], by=caller().actor, now=work.now)
        run = load_runs(work.connection, work.tenant.id)[key]
        answer = RunsOut(runs=[_run_out(run)])
        return Done(answer, 202, (Change("automatic_tag.run", "automatic_tag", str(rule.id)),))

    return write(work)


@operation("patch", "/automatic-tags/<id>", Scope.RULES_WRITE, AutomaticTagsOut, group=GROUP, once=True)
def edit_automatic_tag(path: NumberPath, body: AutomaticTagEditBody) -> Response:
    """Change a rule's filter, stop it (customers keep the tag as it is), or let it run again."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        rule = find_automatic_tag(load_automatic_tags(work.connection, work.tenant), path.id)
        given, state = told(body.filter) if body.filter is not None else rule.filter, body.state or rule.state
        read_filter(work.connection, work.tenant, given)
        record_automatic_tag_edit(work.connection, work.tenant, rule.id, given=given, state=state)
        if state == RUNNING:
            refuse_circle(work.connection, work.tenant, f"tag:{rule.tag_id}")
            keys = [RuleKey("tag", rule.id)]
            ask_runs(work.connection, work.tenant.id, keys, by=caller().actor, now=work.now)
        before, after = {"filter": rule.filter, "state": rule.state}, {"filter": given, "state": state}
        change = Change("automatic_tag.edited", "automatic_tag", str(rule.id), before, after)
        return Done(_rules_out(work), 200, (change,))

    return write(work, once=True)


@operation("delete", "/automatic-tags/<id>", Scope.RULES_WRITE, AutomaticTagsOut, group=GROUP)
def end_automatic_tag(path: NumberPath) -> Response:
    """End a rule. Customers keep the tag; deleting the tag itself takes it off everybody."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        rule = find_automatic_tag(load_automatic_tags(work.connection, work.tenant), path.id)
        record_automatic_tag_end(work.connection, work.tenant.id, rule.id, by=caller().actor, now=work.now)
        before = {"tag_id": rule.tag_id, "filter": rule.filter}
        return Done(_rules_out(work), 200, (Change("automatic_tag.ended", "automatic_tag", str(rule.id), before),))

    return write(work)


def _rules_out(work: Work) -> AutomaticTagsOut:
    return AutomaticTagsOut(
        rules=[
            AutomaticTagOut(
                rule_id=one.id,
                tag_id=f"{LOCAL}{one.tag_id}",
                filter=one.filter,
                state=one.state,
                made_at=one.made_at,
                made_by=one.made_by,
            )
            for one in load_automatic_tags(work.connection, work.tenant)
        ]
    )
