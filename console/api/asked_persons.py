"""Bodies, paths and queries about one customer as a whole, as they are sent: merges, notes, events by hand, tasks."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from console.api import examples_persons as examples
from console.api.asked import Cursor, CustomerPath, Limit, Scalar
from console.api.fields import Body, Id, Moment, Number
from services.timeline.model import KINDS

MOST_TAKEN = 100
Path = Annotated[str, Field(min_length=1, max_length=140)]
Reason = Annotated[str, Field(max_length=500)]


class MergePreviewPath(CustomerPath):
    other_id: Number = Field(json_schema_extra={"example": 2})


class MergePreviewQuery(Body):
    take: list[Path] = Field(default=[], max_length=MOST_TAKEN, description="Fields in which the other would win")


class MergeBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.MERGE})
    other_id: Number = Field(description="The record that becomes part of this one")
    take: list[Path] = Field(
        default=[],
        max_length=MOST_TAKEN,
        description="Fields in which the other wins: real_name, attributes.KEY, fields.KEY and so on. In all others "
        "this record's value stays, and where it has none the other's is taken",
    )
    reason: Reason | None = None


class MergePath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class UndoBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.UNDO})
    reason: Reason | None = None


Kind = Literal[KINDS]  # type: ignore[valid-type]


class TimelineQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 50
    kind: list[Kind] = Field(default=[], max_length=len(KINDS), description="Only these; may be repeated")


class AuditQuery(Body):
    """`since` and `until` are times of the change; all that are named must hold."""

    cursor: Cursor | None = None
    limit: Limit = 100
    actor: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Such as api:crm or operator:Chen Jing"
    )
    action: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    subject_kind: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    subject_key: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    details: bool = Field(default=False, description="With what the changed fields were and are")

    @model_validator(mode="after")
    def _subject(self) -> "AuditQuery":
        if self.subject_key is not None and self.subject_kind is None:
            raise ValueError("subject_key goes with subject_kind")
        return self


Text = Annotated[str, Field(min_length=1, max_length=4000)]


class NoteBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.NOTE})
    body: Text


class NotePath(CustomerPath):
    note_id: Number = Field(json_schema_extra={"example": 1})


class TemplateFieldIn(Body):
    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    required: Annotated[bool, Field(strict=True)] = False


class TemplateBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TEMPLATE})
    name: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$", description="Of the events, such as visited_shop")]
    fields: list[TemplateFieldIn] = Field(default=[], max_length=30)


class TemplatePath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class HandEventBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.HAND_EVENT})
    template_id: Number
    occurred_at: Moment | None = Field(default=None, description="Without it: now")
    properties: dict[Annotated[str, Field(min_length=1, max_length=64)], Scalar] = Field(default={}, max_length=50)


class TaskBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TASK})
    title: Annotated[str, Field(min_length=1, max_length=200)]
    userid: Id = Field(description="The associate who is to do it")
    due_at: Moment | None = None


class TaskPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class TaskEditBody(Body):
    """What is absent stays; `due_at` null: no date."""

    model_config = ConfigDict(json_schema_extra={"example": examples.TASK_EDIT})
    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    userid: Id | None = None
    due_at: Moment | None = None
    state: Literal["open", "done", "cancelled"] | None = None


class TasksQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 100
    userid: Id | None = None
    finished: bool = Field(default=False, description="Also those that are done or cancelled")
