"""Answers about the pool."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from console.api.personal import Phone, RealName, Words
from services.pool.model import How, Reason, Status, Why


class PoolRecordOut(BaseModel):
    """`why`: what brought the record where it stands; `rule_id`: the rule that did; `reason`: why
    somebody is unreachable, or how it became known that they were added."""

    customer_id: int
    real_name: RealName | None
    company: str | None
    phones: list[Phone]
    blacklisted: bool
    status: Status
    source: str
    department_id: int | None
    userid: str | None
    why: Why | None
    rule_id: int | None
    reason: Reason | How | None
    note: Words | None
    contacted_at: datetime | None
    status_at: datetime
    created_at: datetime


class PoolOut(BaseModel):
    records: list[PoolRecordOut]
    next_cursor: str | None = None


class PoolCountsOut(BaseModel):
    """By status. `blacklisted`: of the unassigned, whom rules and batches leave out."""

    unassigned: int
    assigned: int
    unreachable: int
    added: int
    blacklisted: int


class PoolEntryOut(BaseModel):
    """`entered` is false for whoever was in the pool already, or is somebody's friend."""

    customer_id: int
    made: bool
    entered: bool
    record: PoolRecordOut | None


class PoolEnteredOut(BaseModel):
    """`left_out`: in the pool already, somebody's friend, or no such customer."""

    entered: list[int]
    left_out: list[int]


class TakenOut(BaseModel):
    """`status` null: not in the pool, or the caller is not to know; `userid`: who has them."""

    customer_id: int
    status: Status | None
    userid: str | None


class GivenOut(BaseModel):
    """`blacklisted_ids`: of those who were given, whom rules would have left out: they are not to be approached."""

    customer_ids: list[int]
    blacklisted_ids: list[int]
    refused: list[TakenOut]


class PreviewOut(BaseModel):
    """`count`: how many a batch would share out; `blacklisted_count`: whom it leaves out, not to be approached."""

    count: int
    blacklisted_count: int


class BatchOut(BaseModel):
    """`reached` of `total_count` are dealt with; `assigned_count` of these were still to be had."""

    id: int
    state: str
    how: str
    userids: list[str]
    also_assigned: bool
    total_count: int
    reached: int
    assigned_count: int
    by_whom: str
    created_at: datetime
    finished_at: datetime | None


class SharedOut(BatchOut):
    """`blacklisted_count`: who was left out, not to be approached; none of `total_count`."""

    blacklisted_count: int


class PoolChangeOut(BaseModel):
    from_status: Status | None
    to_status: Status
    from_userid: str | None
    to_userid: str | None
    why: Why
    reason: Reason | How | None
    rule_id: int | None
    batch_id: int | None
    at: datetime
    by_whom: str


class PoolChangesOut(BaseModel):
    changes: list[PoolChangeOut]


class PoolRuleOut(BaseModel):
    id: int
    kind: str
    name: str
    position: int
    enabled: bool
    conditions: dict[str, Any]
    action: dict[str, Any]
    created_at: datetime
    created_by: str


class PoolRulesOut(BaseModel):
    rules: list[PoolRuleOut]


class PoolMatchOut(BaseModel):
    """A contact (whose own record is `customer_id`) and those of the pool whom it may be. `problem`: why it is not
    joined by itself although it is sure: `contradiction`, `no_customer`."""

    id: int
    external_userid: str
    userid: str
    how: str
    customer_id: int | None
    customer_ids: list[int]
    problem: str | None
    found_at: datetime


class PoolMatchesOut(BaseModel):
    matches: list[PoolMatchOut]
    next_cursor: str | None = None


class PoolResolvedOut(BaseModel):
    customer_id: int | None
    merged_ids: list[int]


class PoolStateOut(BaseModel):
    state: str
