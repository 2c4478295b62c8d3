"""Stages of business lines: which there are, and who is in which (STG-1)."""

from dataclasses import replace

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_records import NumberPath
from console.api.asked_rules import (
    EnterStageBody,
    LeaveBody,
    LineBody,
    LineEditBody,
    LinePath,
    StageBody,
    StageEditBody,
    StageOrderBody,
    StageSetBody,
    told,
)
from console.api.gate import caller
from console.api.meant import MOST_FOUND, chosen
from console.api.routes import operation
from console.api.told_rules import LineOut, LinesOut, LineStageOut, StagesMovedOut
from services.chosen import these
from services.finding.store import read_filter
from services.persons.model import CUSTOMER
from services.rules.book import lock_rules
from services.rules.checking import refuse_circle, refuse_in_use
from services.rules.model import RuleKey
from services.rules.plan import stage_facts
from services.rules.runs import ask_runs
from services.stages.model import MOST_LINES, MOST_STAGES, Moved, Stage, StageRefusedError
from services.stages.moving import MovedPage, enter_page, leave_page
from services.stages.store import (
    find_line,
    find_stage,
    load_counts,
    load_lines,
    record_line,
    record_line_edit,
    record_stage,
    record_stage_deleted,
    record_stage_edit,
    record_stage_order,
)
from shared.api_keys import Scope
from shared.audit import Change
from shared.names import plain

GROUP = "stages"


@operation("get", "/stage-lines", Scope.RULES_READ, LinesOut, group=GROUP, limited=True)
def list_stage_lines() -> Response:
    """List business lines with their stages, in order, and how many customers are in each."""
    return read(_lines_out)


@operation("post", "/stage-lines", Scope.RULES_WRITE, LinesOut, status=201, group=GROUP, once=True)
def make_stage_line(body: LineBody) -> Response:
    """Make a line, which has no stages yet."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        lines = load_lines(work.connection, work.tenant)
        _refuse_name(body.name, [one.name for one in lines])
        if len(lines) >= MOST_LINES:
            raise StageRefusedError(f"there are {MOST_LINES} lines at most")
        line_id = record_line(work.connection, work.tenant.id, body.name, now=work.now)
        change = Change("stage_line.made", "stage_line", str(line_id), after={"name": body.name})
        return Done(_lines_out(work), 201, (change,))

    return write(work, once=True)


@operation("post", "/stage-lines/<id>/stages", Scope.RULES_WRITE, LinesOut, status=201, group=GROUP, once=True)
def make_stage(path: NumberPath, body: StageBody) -> Response:
    """Make a stage at the end of a line; when it is automatic, everybody is looked at in the background."""
    given = told(body.filter) if body.filter else None

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        line = find_line(load_lines(work.connection, work.tenant), path.id)
        _refuse_name(body.name, [one.name for one in line.stages])
        if len(line.stages) >= MOST_STAGES:
            raise StageRefusedError(f"a line has {MOST_STAGES} stages at most")
        if given is not None:
            read_filter(work.connection, work.tenant, given)
        stage_id = record_stage(
            work.connection, work.tenant, line.id, body.name, automatic=body.automatic, given=given, now=work.now
        )
        _follow(work, line.id)
        after = {"name": body.name, "line_id": line.id, "automatic": body.automatic, "filter": given}
        return Done(_lines_out(work), 201, (Change("stage.made", "stage", str(stage_id), after=after),))

    return write(work, once=True)


@operation("put", "/stage-lines/<id>/order", Scope.RULES_WRITE, LinesOut, group=GROUP)
def order_stages(path: NumberPath, body: StageOrderBody) -> Response:
    """Put the stages of a line in order; of several that rules call for, the last is a customer's."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        line = find_line(load_lines(work.connection, work.tenant), path.id)
        before = [one.id for one in line.stages]
        if sorted(before) != sorted(body.stage_ids):
            raise StageRefusedError("name all stages of the line, each once")
        record_stage_order(work.connection, work.tenant.id, body.stage_ids)
        _follow(work, line.id)
        change = Change("stages.ordered", "stage_line", str(line.id), {"order": before}, {"order": body.stage_ids})
        return Done(_lines_out(work), 200, (change,))

    return write(work)


@operation("put", "/customers/<id>/stages/<line_id>", Scope.CUSTOMERS_WRITE, StagesMovedOut, group=GROUP, limited=True)
def set_stage(path: LinePath, body: StageSetBody) -> Response:
    """Put a customer into a stage of a line by hand, or out of it. Rules leave them there until they find news."""

    def work(work: Work) -> Done:
        find_line(load_lines(work.connection, work.tenant), path.line_id)
        meant = these(work.tenant.id, [path.id])
        if body.stage_id is None:
            return _moved(work, leave_page(work.connection, work.tenant.id, meant, path.line_id, now=work.now))
        stage = find_stage(load_lines(work.connection, work.tenant), body.stage_id)
        if stage.line_id != path.line_id:
            raise StageRefusedError("this stage belongs to another line")
        by = caller().actor
        return _moved(work, enter_page(work.connection, work.tenant.id, meant, stage.id, by_whom=by, now=work.now))

    return write(work)


@operation("post", "/customers:enter-stage", Scope.CUSTOMERS_WRITE, StagesMovedOut, group=GROUP, once=True)
def enter_stage(body: EnterStageBody) -> Response:
    """Put customers into a stage by hand: up to 1,000 named ones, or up to 10,000 whom a filter finds."""

    def work(work: Work) -> Done:
        meant, by = chosen(work, body), caller().actor
        page = enter_page(
            work.connection, work.tenant.id, meant, body.stage_id, limit=MOST_FOUND, by_whom=by, now=work.now
        )
        return _moved(work, page)

    return write(work, once=True)


@operation("post", "/customers:leave-stages", Scope.CUSTOMERS_WRITE, StagesMovedOut, group=GROUP, once=True)
def leave_stages(body: LeaveBody) -> Response:
    """Take customers out of a line by hand."""

    def work(work: Work) -> Done:
        find_line(load_lines(work.connection, work.tenant), body.line_id)
        meant = chosen(work, body)
        page = leave_page(work.connection, work.tenant.id, meant, body.line_id, limit=MOST_FOUND, now=work.now)
        return _moved(work, page)

    return write(work, once=True)


def _moved(work: Work, page: MovedPage) -> Done:
    answer = StagesMovedOut(chosen_count=page.chosen_count, moved_count=len(page.moved))
    changes = tuple(_change(one) for one in page.moved)
    return Done(answer, 200, changes, tuple(stage_facts(page.moved, by_rule=False, at=work.now)))


def _change(one: Moved) -> Change:
    before, after = {"stage_id": one.from_stage_id}, {"stage_id": one.to_stage_id}
    return Change("customer.stage_set", CUSTOMER, str(one.customer_id), before, after)


@operation("patch", "/stages/<id>", Scope.RULES_WRITE, LinesOut, group=GROUP, once=True)
def edit_stage(path: NumberPath, body: StageEditBody) -> Response:
    """Rename a stage, change its filter or its switch; then everybody is looked at in the background."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        lines = load_lines(work.connection, work.tenant)
        stage = find_stage(lines, path.id)
        changed = _edited(stage, body)
        others = [one.name for one in find_line(lines, stage.line_id).stages if one.id != stage.id]
        _refuse_name(changed.name, others)
        if changed.filter is not None:
            read_filter(work.connection, work.tenant, changed.filter)
        record_stage_edit(work.connection, work.tenant, changed)
        if (changed.automatic, changed.filter) != (stage.automatic, stage.filter):
            _follow(work, stage.line_id)
        before, after = (
            {"name": one.name, "automatic": one.automatic, "filter": one.filter} for one in (stage, changed)
        )
        return Done(_lines_out(work), 200, (Change("stage.edited", "stage", str(stage.id), before, after),))

    return write(work, once=True)


def _edited(stage: Stage, body: StageEditBody) -> Stage:
    given = told(body.filter) if body.filter is not None else stage.filter
    automatic = stage.automatic if body.automatic is None else body.automatic
    if automatic and given is None:
        raise StageRefusedError("an automatic stage has a filter")
    return replace(stage, name=body.name or stage.name, automatic=automatic, filter=given)


@operation("delete", "/stages/<id>", Scope.RULES_WRITE, LinesOut, group=GROUP)
def delete_stage(path: NumberPath) -> Response:
    """Delete a stage that nobody is in. 409 while somebody is: put them into another one first."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        stage = find_stage(load_lines(work.connection, work.tenant), path.id)
        if count := record_stage_deleted(work.connection, work.tenant.id, stage.id, now=work.now):
            raise StageRefusedError(f"{count} customers are in this stage; put them into another one first")
        _follow(work, stage.line_id)
        change = Change("stage.deleted", "stage", str(stage.id), {"name": stage.name, "line_id": stage.line_id})
        return Done(_lines_out(work), 200, (change,))

    return write(work)


@operation("patch", "/stage-lines/<id>", Scope.RULES_WRITE, LinesOut, group=GROUP, once=True)
def rename_stage_line(path: NumberPath, body: LineEditBody) -> Response:
    """Rename a line."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        lines = load_lines(work.connection, work.tenant)
        line = find_line(lines, path.id)
        _refuse_name(body.name, [one.name for one in lines if one.id != line.id])
        record_line_edit(work.connection, work.tenant.id, line.id, name=body.name)
        change = Change("stage_line.renamed", "stage_line", str(line.id), {"name": line.name}, {"name": body.name})
        return Done(_lines_out(work), 200, (change,))

    return write(work, once=True)


@operation("delete", "/stage-lines/<id>", Scope.RULES_WRITE, LinesOut, group=GROUP)
def delete_stage_line(path: NumberPath) -> Response:
    """Delete a line that has no stages any more."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        line = find_line(load_lines(work.connection, work.tenant), path.id)
        if line.stages:
            raise StageRefusedError("the line has stages; delete them first")
        refuse_in_use(work.connection, work.tenant, f"line:{line.id}")
        record_line_edit(work.connection, work.tenant.id, line.id, name=line.name, deleted_at=work.now)
        return Done(
            _lines_out(work), 200, (Change("stage_line.deleted", "stage_line", str(line.id), {"name": line.name}),)
        )

    return write(work)


def _refuse_name(name: str, others: list[str]) -> None:
    if any(plain(one) == plain(name) for one in others):
        raise StageRefusedError("another one has this name already")


def _follow(work: Work, line_id: int) -> None:
    refuse_circle(work.connection, work.tenant, f"line:{line_id}")
    ask_runs(work.connection, work.tenant.id, [RuleKey("line", line_id)], by=caller().actor, now=work.now)


def _lines_out(work: Work) -> LinesOut:
    counts = load_counts(work.connection, work.tenant.id)
    return LinesOut(
        lines=[
            LineOut(
                line_id=line.id,
                name=line.name,
                stages=[
                    LineStageOut(
                        stage_id=one.id,
                        name=one.name,
                        automatic=one.automatic,
                        filter=one.filter if caller().sight.is_everything else None,
                        customer_count=counts.get(one.id, 0),
                    )
                    for one in line.stages
                ],
            )
            for line in load_lines(work.connection, work.tenant)
        ]
    )
