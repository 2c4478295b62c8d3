"""SOP rules: what is told when, to whom, about whom (SOP-1, SOP-2, SOP-3)."""

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_records import NumberPath
from console.api.asked_sops import SopRuleBody, SopRuleEditBody, SopSwitchBody
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_sops import SopCheckOut, SopRuleOut, SopRulesOut, SopStepTimeOut, rule_out
from console.desk import desk
from services.finding.store import context_of
from services.sops.check import Draft, problems_of, spec_of
from services.sops.ending import withdraw_of_rule, withdraw_removed_steps
from services.sops.listing import preview
from services.sops.model import MOST_RULES, RULE, Rule, RuleState, SopInvalidError, SopRefusedError
from services.sops.naming import problems_of_names
from services.sops.plan import timetable
from services.sops.store import (
    load_rule,
    load_rules,
    lock_rule,
    name_taken,
    record_deleted,
    record_edit,
    record_rule,
    record_state,
)
from services.sops.workdays import calendar_of
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "sops"


@operation("get", "/sop-rules", Scope.SOPS_READ, SopRulesOut, group=GROUP, limited=True)
def list_sop_rules() -> Response:
    """List SOP rules."""
    return read(lambda work: SopRulesOut(rules=[_out(one) for one in load_rules(work.connection, work.tenant)]))


@operation("post", "/sop-rules", Scope.SOPS_WRITE, SopRuleOut, status=201, group=GROUP, once=True)
def make_sop_rule(body: SopRuleBody) -> Response:
    """Make a rule, which is stopped until it is enabled."""

    def work(work: Work) -> Done:
        draft = _checked(work, body, None)
        if len(load_rules(work.connection, work.tenant)) >= MOST_RULES:
            raise SopRefusedError(f"there are {MOST_RULES} rules at most")
        spec, last_step_id = spec_of(draft, None, last_step_id=0, now=work.now)
        rule = record_rule(
            work.connection,
            work.tenant,
            name=body.name,
            subject=draft.subject,
            spec=spec,
            last_step_id=last_step_id,
            by=caller().actor,
            now=work.now,
        )
        return Done(_out(rule), 201, (_change("made", rule, after=_told(body)),))

    return write(work, once=True)


@operation("post", "/sop-rules:check", Scope.SOPS_READ, SopCheckOut, group=GROUP)
def check_sop_rule(body: SopRuleBody) -> Response:
    """Check a rule without keeping it: who would be meant now, and when its steps would come."""

    def work(work: Work) -> SopCheckOut:
        draft = _checked(work, body, None, named=False)
        spec, last_step_id = spec_of(draft, None, last_step_id=0, now=work.now)
        now = work.now
        rule = Rule(0, body.name, draft.subject, RuleState.STOPPED, spec, 0, last_step_id, None, now, "", now)
        context = context_of(work.tenant, region=desk().runtime.settings.phone_region, now=now)
        found = preview(work.connection, work.tenant, rule, context)
        times = timetable(spec, now, calendar_of(work.tenant.timezone))
        return SopCheckOut(
            count=found.count,
            first=[str(one) for one in found.keys],
            steps=[SopStepTimeOut(step_id=step.id, due_at=due) for due, step in times],
        )

    return read(work)


@operation("get", "/sop-rules/<id>", Scope.SOPS_READ, SopRuleOut, group=GROUP, limited=True)
def show_sop_rule(path: NumberPath) -> Response:
    """Show a rule."""
    return read(lambda work: _out(load_rule(work.connection, work.tenant, path.id)))


@operation("put", "/sop-rules/<id>", Scope.SOPS_WRITE, SopRuleOut, group=GROUP)
def replace_sop_rule(path: NumberPath, body: SopRuleEditBody) -> Response:
    """Change a rule: who is on the way follows the steps that are still ahead of them.

    A step with its `step_id` stays that step; one with another time, and a new one, is past for whom that time is over.
    A reminder of a step that is gone, and has not gone out, is taken back.
    """

    def work(work: Work) -> Done:
        rule = lock_rule(work.connection, work.tenant, path.id, "change")
        draft = _checked(work, body, rule)
        if draft.subject != rule.subject:
            raise SopInvalidError([("/about", f"this rule is about {rule.subject}s; make another one")])
        spec, last_step_id = spec_of(draft, rule.spec, last_step_id=rule.last_step_id, now=work.now)
        record_edit(
            work.connection,
            work.tenant,
            rule.id,
            name=body.name,
            spec=spec,
            last_step_id=last_step_id,
            by=caller().actor,
            now=work.now,
        )
        withdraw_removed_steps(work.connection, work.tenant.id, rule.id, [one.id for one in spec.steps], now=work.now)
        changed = load_rule(work.connection, work.tenant, rule.id)
        return Done(_out(changed), 200, (_change("edited", rule, before={"name": rule.name}, after=_told(body)),))

    return write(work)


@operation("post", "/sop-rules/<id>/enable", Scope.SOPS_WRITE, SopRuleOut, group=GROUP)
def enable_sop_rule(path: NumberPath, body: SopSwitchBody) -> Response:  # noqa: ARG001 - no body is an error
    """Let a rule run. What fell into the time that it was stopped is past."""
    return write(lambda work: _turn(work, path.id, RuleState.RUNNING))


@operation("post", "/sop-rules/<id>/stop", Scope.SOPS_WRITE, SopRuleOut, group=GROUP)
def stop_sop_rule(path: NumberPath, body: SopSwitchBody) -> Response:  # noqa: ARG001 - as above
    """Stop a rule: nothing more is told, and what has not gone out yet is taken back."""
    return write(lambda work: _turn(work, path.id, RuleState.STOPPED))


def _turn(work: Work, rule_id: int, state: RuleState) -> Done:
    rule = lock_rule(work.connection, work.tenant, rule_id, "change")
    if rule.state is state:
        return Done(_out(rule))
    record_state(work.connection, work.tenant.id, rule.id, state, by=caller().actor, now=work.now)
    if state is RuleState.STOPPED:
        withdraw_of_rule(work.connection, work.tenant.id, rule.id, now=work.now)
    change = _change("turned", rule, before={"state": rule.state}, after={"state": state})
    return Done(_out(load_rule(work.connection, work.tenant, rule.id)), 200, (change,))


@operation("delete", "/sop-rules/<id>", Scope.SOPS_WRITE, SopRulesOut, group=GROUP)
def delete_sop_rule(path: NumberPath) -> Response:
    """Delete a rule; whoever is on the way ends, and what has not gone out yet is taken back."""

    def work(work: Work) -> Done:
        rule = lock_rule(work.connection, work.tenant, path.id, "change")
        withdraw_of_rule(work.connection, work.tenant.id, rule.id, now=work.now)
        record_deleted(work.connection, work.tenant.id, rule.id, by=caller().actor, now=work.now)
        left = [_out(one) for one in load_rules(work.connection, work.tenant)]
        return Done(SopRulesOut(rules=left), 200, (_change("deleted", rule, before={"name": rule.name}),))

    return write(work)


def _checked(work: Work, body: SopRuleBody, known: Rule | None, *, named: bool = True) -> Draft:
    """
    Raises:
        SopInvalidError
        FilterError
        SopRefusedError: another rule has this name.
    """
    draft, spec = body.draft(), None if known is None else known.spec
    problems = [*problems_of(draft, spec), *problems_of_names(work.connection, work.tenant, draft)]
    if problems:
        raise SopInvalidError(problems)
    if named and name_taken(work.connection, work.tenant.id, body.name, but=known.id if known else None):
        raise SopRefusedError("another rule has this name already")
    return draft


def _told(body: SopRuleBody) -> dict[str, object]:
    return dict(body.model_dump(mode="json"))


def _change(
    what: str, rule: Rule, before: dict[str, object] | None = None, after: dict[str, object] | None = None
) -> Change:
    return Change(f"sop_rule.{what}", RULE, str(rule.id), before or {}, after or {})


def _out(rule: Rule) -> SopRuleOut:
    return rule_out(rule, whole=caller().sight.is_everything)
