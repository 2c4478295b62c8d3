"""What is sent about SOPs: rules and enrolments."""

import re
from datetime import datetime, time
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from console.api import examples_sops as examples
from console.api.asked import PageQuery
from console.api.asked_records import NumberPath
from console.api.asked_rules import Title, told
from console.api.fields import Body, Day, Id, Moment, Number
from services.finding.model import FilterIn
from services.sops.by_hand import MOST_AT_ONCE
from services.sops.check import Draft, StepDraft
from services.sops.model import (
    LONGEST_CONTENT,
    MOST_ATTACHMENTS,
    MOST_EXITS,
    MOST_STEPS,
    Attachment,
    Audience,
    Exit,
    ExitKind,
    Kind,
    Reentry,
    StepState,
    Subject,
    Trigger,
    Ways,
)
from shared.ids import UserId

CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
BIG = 1_000_000
Some = Annotated[int, Field(strict=True, ge=-BIG, le=BIG)]


def _clock(value: str) -> str:
    if not CLOCK.fullmatch(value):
        raise ValueError("is a clock time such as 09:30")
    return value


def _plain(value: str) -> str:
    if any(not (one.isprintable() or one == "\n") for one in value):
        raise ValueError("holds control characters")
    return value


class SopTriggerIn(Body):
    """`tag_id`: of `tag`; `stage_id`: of `stage`; `event`: of `event`; `days`: of `no_contact`; `day`: of `date`;
    `field` (birthday or own:KEY) and `days_before`: of `yearly`.
    """

    kind: Kind
    tag_id: Id | None = None
    stage_id: Number | None = None
    event: Id | None = None
    days: Annotated[int, Field(strict=True, ge=1, le=730)] | None = None
    day: Day | None = None
    field: Annotated[str, Field(pattern=r"^(birthday|own:[a-z][a-z0-9_]{0,39})$")] | None = None
    days_before: Annotated[int, Field(strict=True, ge=0, le=60)] = 0


class SopAudienceIn(Body):
    """All that is given must hold. `outlet_ids`: with what lies under them; of whoever is responsible."""

    filter: FilterIn | None = None
    userids: Annotated[list[Id], Field(max_length=1000)] = Field(default=[])
    outlet_ids: Annotated[list[Number], Field(max_length=1000)] = Field(default=[])
    chat_ids: Annotated[list[Id], Field(max_length=1000)] = Field(default=[])
    folder_ids: Annotated[list[Number], Field(max_length=100)] = Field(default=[])


class SopAfterIn(Body):
    days: Some = 0
    hours: Some = 0
    minutes: Some = 0


class SopAttachmentIn(Body):
    """`reference`: an id or address that the associates' pages know how to show."""

    kind: Literal["image", "link", "miniprogram", "video", "file", "material"]
    reference: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_plain)]
    title: Annotated[str, Field(max_length=128), AfterValidator(_plain)] | None = None


class SopStepIn(Body):
    """Due `after` the start, or on a `day` (the start's own is 0) `at` a clock time of the corp's zone.

    `step_id`: of a step that stays, when a rule is replaced.
    """

    step_id: Number | None = None
    after: SopAfterIn | None = None
    day: Some | None = None
    at: Annotated[str, AfterValidator(_clock)] | None = None
    content: Annotated[str, Field(max_length=LONGEST_CONTENT), AfterValidator(_plain)]
    attachments: Annotated[list[SopAttachmentIn], Field(max_length=MOST_ATTACHMENTS)] = Field(default=[])


class SopExitIn(Body):
    kind: ExitKind
    tag_id: Id | None = None
    stage_id: Number | None = None


class SopWaysIn(Body):
    """`late_hours`: so much later a step is still told. `overdue_after_hours`: null is never."""

    reentry: Reentry = "never"
    workdays_only: Annotated[bool, Field(strict=True)] = False
    late_hours: Annotated[float, Field(gt=0, le=720)] = 24
    overdue_after_hours: Annotated[float, Field(gt=0, le=720)] | None = None


class SopRuleBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.RULE})
    name: Title
    about: Subject
    trigger: SopTriggerIn
    audience: SopAudienceIn = Field(default=SopAudienceIn())
    steps: Annotated[list[SopStepIn], Field(min_length=1, max_length=MOST_STEPS)]
    exits: Annotated[list[SopExitIn], Field(max_length=MOST_EXITS)] = Field(default=[])
    ways: SopWaysIn = Field(default=SopWaysIn())

    def draft(self) -> Draft:
        audience = self.audience
        return Draft(
            self.about,
            Trigger(**self.trigger.model_dump()),
            Audience(
                told(audience.filter) if audience.filter is not None else None,
                tuple(UserId(one) for one in audience.userids),
                tuple(audience.outlet_ids),
                tuple(audience.chat_ids),
                tuple(audience.folder_ids),
            ),
            tuple(_step(one) for one in self.steps),
            tuple(Exit(**one.model_dump()) for one in self.exits),
            _ways(self.ways),
        )


class SopRuleEditBody(SopRuleBody):
    """The whole rule, as it is to be; steps with a `step_id` stay these steps."""

    model_config = ConfigDict(json_schema_extra={"example": examples.RULE_EDIT})


def _step(one: SopStepIn) -> StepDraft:
    after = one.after
    return StepDraft(
        one.step_id,
        one.content,
        None if after is None else (after.days * 24 + after.hours) * 60 + after.minutes,
        one.day,
        None if one.at is None else time.fromisoformat(one.at),
        tuple(Attachment(**each.model_dump()) for each in one.attachments),
    )


def _ways(one: SopWaysIn) -> Ways:
    overdue = one.overdue_after_hours
    return Ways(
        one.reentry,
        one.workdays_only,
        round(one.late_hours * 3600),
        None if overdue is None else round(overdue * 3600),
    )


class SopSwitchBody(Body):
    """Nothing."""

    model_config = ConfigDict(json_schema_extra={"example": {}})


class SopBringInBody(Body):
    """Customers of a rule about customers, chats of one about chats; each once."""

    model_config = ConfigDict(json_schema_extra={"example": examples.BRING_IN})
    customer_ids: Annotated[list[Number], Field(max_length=MOST_AT_ONCE)] = Field(default=[])
    chat_ids: Annotated[list[Id], Field(max_length=MOST_AT_ONCE)] = Field(default=[])

    @model_validator(mode="after")
    def _one_of_both(self) -> "SopBringInBody":
        if bool(self.customer_ids) == bool(self.chat_ids):
            raise ValueError("give customer_ids or chat_ids")
        return self


class SopCycleBody(Body):
    """`start_at`: its steps count from then; those that would be past by now are past."""

    model_config = ConfigDict(json_schema_extra={"example": examples.CYCLE})
    start_at: Moment | None = None
    left_out_step_ids: Annotated[list[Number], Field(max_length=MOST_STEPS)] | None = None

    @property
    def anchor_at(self) -> datetime | None:
        return self.start_at


class SopMoveBody(Body):
    """`keep_start`: steps of the other rule count from the old start, and those before now are past."""

    model_config = ConfigDict(json_schema_extra={"example": examples.MOVE})
    rule_id: Number
    keep_start: Annotated[bool, Field(strict=True)] = False


class SopStepPath(NumberPath):
    step_id: Number = Field(json_schema_extra={"example": 1})


class SopCustomerStepPath(NumberPath):
    enrolment_id: Number = Field(json_schema_extra={"example": 1})
    step_id: Number = Field(json_schema_extra={"example": 1})


class SopEnrolmentsQuery(PageQuery):
    """All that is given must hold. `userid`: who was told a step."""

    rule_id: Number | None = None
    customer_id: Number | None = None
    chat_id: Id | None = None
    state: Literal["running", "ended"] | None = None
    step_state: Literal["reminded", "done", "overdue", "skipped", "expired"] | None = None
    userid: Id | None = None

    @property
    def passed_as(self) -> StepState | None:
        return StepState(self.step_state) if self.step_state else None


class SopTotalsQuery(Body):
    rule_id: Number | None = None
