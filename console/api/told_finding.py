"""Answers about finding customers."""

from datetime import datetime

from pydantic import BaseModel

from console.api.personal import Nickname, OwnFields, Phone, RealName


class FieldOut(BaseModel):
    """`kind` decides what the operators take; docs/filters.md shows the values of each."""

    name: str
    kind: str
    ops: list[str]
    options: list[str]
    en: str
    zh: str


class FieldsOut(BaseModel):
    fields: list[FieldOut]


class FoundOut(BaseModel):
    """`names`: as WeCom shows them; `real_name` and `fields`: the retailer's. `waiting_tag_ids`: corp tags that wait
    for a friendship."""

    id: int
    names: list[Nickname]
    real_name: RealName | None
    phones: list[Phone]
    external_userids: list[str]
    standing: str
    assigned_userid: str | None
    assigned_name: str | None
    outlet_id: int | None
    outlet_name: str | None
    assigned_at: datetime | None
    created_at: datetime
    updated_at: datetime
    friend_userids: list[str]
    tag_ids: list[str]
    waiting_tag_ids: list[str]
    stage_ids: list[int]
    chat_count: int
    level: str | None
    gender: str | None
    score: int
    points: int
    purchase_count: int
    purchase_amount: int
    last_purchase_at: datetime | None
    last_added_at: datetime | None
    blacklisted: bool
    pool_status: str | None
    pool_source: str | None
    pool_userid: str | None
    fields: OwnFields


class FoundPageOut(BaseModel):
    customers: list[FoundOut]
    next_cursor: str | None


class AssociateOut(BaseModel):
    """`main_department_id`: the outlet. `can_add`: works here, is in sight, has the customer-contact function."""

    userid: str
    name: str | None
    main_department_id: int | None
    outlet_name: str | None
    can_add: bool
    gone_at: datetime | None


class AssociatesOut(BaseModel):
    associates: list[AssociateOut]
    next_cursor: str | None


class CountOut(BaseModel):
    """`estimated`: more than ten thousand, and not counted one by one."""

    count: int
    estimated: bool


class WordsOut(BaseModel):
    en: str
    zh: str
