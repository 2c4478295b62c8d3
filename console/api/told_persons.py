"""Bodies about one customer as a whole, as they are answered."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, SerializationInfo, field_serializer

from console.api.personal import MARK, Document, Nickname, OwnValue, Words, view_of
from console.api.told import BlacklistedOut, CustomerOut
from services.persons.masking import mask_field


class FieldChoiceOut(BaseModel):
    """`path`: a field's name, or attributes.KEY, fields.KEY. null: empty."""

    path: str
    master: Any = Field(json_schema_extra={MARK: "personal-field"})
    other: Any = Field(json_schema_extra={MARK: "personal-field"})
    result: Any = Field(json_schema_extra={MARK: "personal-field"})

    @field_serializer("master", "other", "result")
    def _value(self, value: Any, info: SerializationInfo) -> Any:
        return value if view_of(info).personal else mask_field(self.path, value)


class MergePreviewOut(BaseModel):
    """`refused`: why they cannot be merged. `rows`: table -> how many of the other's would go over, up to 100,001."""

    refused: str | None
    fields: list[FieldChoiceOut]
    rows: dict[str, int]
    customer: CustomerOut
    other: CustomerOut


class MergedOut(BaseModel):
    """`moved`: table -> rows that went over."""

    merge_id: int
    moved: dict[str, int]
    customer: CustomerOut


class MergeOut(BaseModel):
    """`why`: person, or join (an upsert proved it)."""

    id: int
    into_id: int
    merged_id: int
    why: str
    at: datetime
    by: str
    undone_at: datetime | None
    undone_by: str | None


class MergesOut(BaseModel):
    merges: list[MergeOut]
    next_cursor: str | None


class KeptOut(BaseModel):
    table: str
    key: dict[str, Any]


class PartedOut(BaseModel):
    """`kept`: some of the `kept_count` rows that came with the record and were removed or changed since: they stay.

    `kept_fields`: fields that the merge had set and somebody changed since.
    """

    merge_id: int
    returned: dict[str, int]
    kept: list[KeptOut]
    kept_count: int
    kept_fields: list[str]
    customer: CustomerOut
    parted: CustomerOut


class NoteOut(BaseModel):
    id: int
    customer_id: int
    body: Words
    at: datetime
    by: str
    edited_at: datetime | None


class NotesOut(BaseModel):
    notes: list[NoteOut]
    next_cursor: str | None


class TemplateFieldOut(BaseModel):
    key: str
    name: str
    required: bool


class TemplateOut(BaseModel):
    id: int
    name: str
    kind: str
    fields: list[TemplateFieldOut]
    created_at: datetime
    created_by: str


class TemplatesOut(BaseModel):
    templates: list[TemplateOut]


class RemovedOut(BaseModel):
    removed: bool


class HandEventOut(BaseModel):
    event_id: str
    customer_id: int
    kind: str
    occurred_at: datetime


class TaskOut(BaseModel):
    """`state`: open, done, cancelled; `ended_at` and `ended_by` tell of the latter two."""

    id: int
    customer_id: int
    title: Words
    userid: str
    due_at: datetime | None
    state: str
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str | None


class TasksOut(BaseModel):
    tasks: list[TaskOut]
    next_cursor: str | None


class AuditLineOut(BaseModel):
    """`actor`: api:KEY, operator:NAME or a userid. `origin`: the address it came from; null: the machine itself."""

    id: int
    at: datetime
    actor: str
    origin: str | None
    action: str
    subject_kind: str
    subject_key: str
    changed: list[str]
    before: Document | None
    after: Document | None


class AuditOut(BaseModel):
    lines: list[AuditLineOut]
    next_cursor: str | None


class WordsOut(BaseModel):
    zh: str
    en: str


class EntryOut(BaseModel):
    """`source`: what was read: fact, audit, event, order, note, task, chat. `cause`, `by`: what brought it about.

    `values`: the ids and codes in it; `text`: what a person wrote; `properties`: of an event.
    """

    at: datetime
    kind: str
    what: str
    source: str
    words: WordsOut
    cause: str | None
    by: str | None
    values: Document
    text: Words | None
    properties: Document


class TimelineOut(BaseModel):
    customer_id: int
    entries: list[EntryOut]
    next_cursor: str | None


class PreferredOut(BaseModel):
    """`order_count`: purchases that have these goods; `name` null: no order said what they are called."""

    goods_id: str
    name: str | None
    order_count: int
    quantity: int
    last_purchase_at: datetime | None


class OutletOut(BaseModel):
    """`userids`: the friends who belong to it."""

    id: int
    name: str | None
    userids: list[str]


class FriendOut(BaseModel):
    userid: str
    name: str | None
    state: str
    started_at: datetime | None
    main_department_id: int | None


class ChatOut(BaseModel):
    chat_id: str
    name: str | None
    owner_userid: str | None
    member_count: int | None
    joined_at: datetime | None
    join_scene: int | None
    invitor: str | None


class NearOut(BaseModel):
    """Another customer who is in `chat_count` of the same chats."""

    customer_id: int
    name: Nickname | None
    chat_count: int


class LocalTagOut(BaseModel):
    id: int
    name: str
    kind: str
    group_id: int
    group_name: str
    given_at: datetime
    by_whom: str


class StageOut(BaseModel):
    line_id: int
    line: str
    stage_id: int
    stage: str
    entered_at: datetime
    by_whom: str


class CompanyOfOut(BaseModel):
    company_id: str
    name: str
    role: str | None
    linked_at: datetime


class PoolOut(BaseModel):
    status: str
    source: str
    userid: str | None
    why: str | None
    reason: str | None
    status_at: datetime
    created_at: datetime


class CustomFieldOut(BaseModel):
    key: str
    name: str
    kind: str
    value: OwnValue


class ContactedOut(BaseModel):
    """`source`: note, task, event_by_hand, event. WeCom does not say when people last spoke (SOP-7)."""

    at: datetime
    source: str
    by: str | None


class ProfileOut(BaseModel):
    """`friends`, `chats` and `near` are the relation net; `chats`: the newest 50; `near`: up to 20 in two or more."""

    customer: CustomerOut
    outlets: list[OutletOut]
    friends: list[FriendOut]
    chats: list[ChatOut]
    near: list[NearOut]
    local_tags: list[LocalTagOut]
    stages: list[StageOut]
    companies: list[CompanyOfOut]
    score: int
    points: int
    blacklist: BlacklistedOut | None
    pool: PoolOut | None
    goods: list[PreferredOut]
    custom_fields: list[CustomFieldOut]
    last_contact: ContactedOut | None
