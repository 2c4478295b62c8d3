"""Bodies about SOPs, as they are answered."""

from datetime import date, datetime

from pydantic import BaseModel

from console.api.personal import Asked
from services.sops.model import Rule, Spec


class SopTriggerOut(BaseModel):
    kind: str
    tag_id: str | None
    stage_id: int | None
    event: str | None
    days: int | None
    day: date | None
    field: str | None
    days_before: int


class SopAudienceOut(BaseModel):
    """`filter`: null for callers who see a part of the customers."""

    filter: Asked | None
    userids: list[str]
    outlet_ids: list[int]
    chat_ids: list[str]
    folder_ids: list[int]


class SopAttachmentOut(BaseModel):
    kind: str
    reference: str
    title: str | None


class SopStepOut(BaseModel):
    """`after_minutes`, or `day` and `at`."""

    step_id: int
    after_minutes: int | None
    day: int | None
    at: str | None
    content: str
    attachments: list[SopAttachmentOut]


class SopExitOut(BaseModel):
    kind: str
    tag_id: str | None
    stage_id: int | None


class SopWaysOut(BaseModel):
    reentry: str
    workdays_only: bool
    late_hours: float
    overdue_after_hours: float | None


class SopRuleOut(BaseModel):
    """`problem`: why it brings nobody in, where its filter cannot be read any more."""

    rule_id: int
    name: str
    about: str
    state: str
    trigger: SopTriggerOut
    audience: SopAudienceOut
    steps: list[SopStepOut]
    exits: list[SopExitOut]
    ways: SopWaysOut
    running_since: datetime | None
    made_at: datetime
    made_by: str
    changed_at: datetime
    problem: str | None


class SopRulesOut(BaseModel):
    rules: list[SopRuleOut]


class SopStepTimeOut(BaseModel):
    step_id: int
    due_at: datetime


class SopCheckOut(BaseModel):
    """`count`: who is meant now, 10,000 at most; `first`: ids of the first. `steps`: for somebody who starts now."""

    count: int
    first: list[str]
    steps: list[SopStepTimeOut]


class SopStepProgressOut(BaseModel):
    """`state`: waiting, reminded, done, overdue, skipped or expired; `why` of skipped ones: past, left_out, nobody,
    merged."""

    step_id: int
    state: str
    due_at: datetime
    userid: str | None
    told_at: datetime | None
    settled_at: datetime | None
    by: str | None
    why: str | None


class SopEnrolmentOut(BaseModel):
    """`ended_why`: finished, exit:WHAT, taken_out, moved:RULE, rule_deleted or gone."""

    enrolment_id: int
    rule_id: int
    customer_id: int | None
    chat_id: str | None
    state: str
    started_at: datetime
    entered_at: datetime
    entered_by: str
    ended_at: datetime | None
    ended_why: str | None
    next_at: datetime | None
    steps: list[SopStepProgressOut]


class SopEnrolmentsOut(BaseModel):
    enrolments: list[SopEnrolmentOut]
    next_cursor: str | None


class SopBroughtInOut(BaseModel):
    """`kept_out_count`: on their way in this rule already; `unknown`: nobody who stands has these ids."""

    enrolment_ids: list[int]
    kept_out_count: int
    unknown: list[str]


class SopConfirmedOut(BaseModel):
    """`changed` false: somebody had confirmed it before."""

    changed: bool
    enrolment: SopEnrolmentOut


class SopTotalOut(BaseModel):
    """`userid` null: of all who could be told, nobody was there."""

    step_id: int
    userid: str | None
    state: str
    count: int


class SopRuleTotalsOut(BaseModel):
    """`running`, `ended`: enrolments. What was deleted with a customer is counted still."""

    rule_id: int
    running: int
    ended: int
    steps: list[SopTotalOut]


class SopTotalsOut(BaseModel):
    rules: list[SopRuleTotalsOut]


def rule_out(rule: Rule, *, whole: bool) -> SopRuleOut:
    """`whole`: with the filter, which may name people."""
    spec: Spec = rule.spec
    ways, overdue = spec.ways, spec.ways.overdue_after_s
    return SopRuleOut(
        rule_id=rule.id,
        name=rule.name,
        about=rule.subject,
        state=rule.state.value,
        trigger=SopTriggerOut(**spec.trigger.__dict__),
        audience=SopAudienceOut(**spec.audience.__dict__ | ({} if whole else {"filter": None})),
        steps=[
            SopStepOut(
                step_id=one.id,
                after_minutes=one.after_minutes,
                day=one.day,
                at=f"{one.at:%H:%M}" if one.at else None,
                content=one.content,
                attachments=[SopAttachmentOut(**each.__dict__) for each in one.attachments],
            )
            for one in spec.steps
        ],
        exits=[SopExitOut(**one.__dict__) for one in spec.exits],
        ways=SopWaysOut(
            reentry=ways.reentry,
            workdays_only=ways.workdays_only,
            late_hours=ways.late_s / 3600,
            overdue_after_hours=None if overdue is None else overdue / 3600,
        ),
        running_since=rule.running_since,
        made_at=rule.made_at,
        made_by=rule.made_by,
        changed_at=rule.changed_at,
        problem=rule.problem,
    )
