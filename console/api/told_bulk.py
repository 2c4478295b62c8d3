"""Answers about bulk changes."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from console.api.personal import Asked, Words


class BulkPreviewOut(BaseModel):
    """`count` is exact now. `hindered`: reason -> how many of them would be left out (`same`: are so already;
    `contact_stays`: would go on as WeCom's contacts)."""

    count: int
    most: int
    sample_customer_ids: list[int]
    hindered: dict[str, int]
    confirmations: list[str] = Field(description="Type one of these to ask for it")
    undoable: bool


class BulkChangeOut(BaseModel):
    """`counts`: of customers, by what came of them; `waiting` are not reached yet. `pushes`: of a change of WeCom
    tags, its wishes by state. `undo_confirmations`: what to type to undo it; empty: it cannot be undone (now)."""

    id: int
    kind: str
    state: str
    change: dict[str, Any] | None
    filter: Asked | None
    reason: Words
    author: str
    total: int
    counts: dict[str, int]
    refused: dict[str, int] = Field(description="Reason -> how many customers")
    pushes: dict[str, int]
    undoes: int | None
    job_id: int | None
    undo_confirmations: list[str]
    created_at: datetime
    finished_at: datetime | None


class BulkChangeLineOut(BaseModel):
    id: int
    kind: str
    state: str
    author: str
    total: int
    counts: dict[str, int]
    undoes: int | None
    created_at: datetime
    finished_at: datetime | None


class BulkChangesOut(BaseModel):
    changes: list[BulkChangeLineOut]
    next_cursor: str | None


class BulkRowOut(BaseModel):
    customer_id: int
    state: str
    reason: str | None


class BulkRowsOut(BaseModel):
    rows: list[BulkRowOut]
    next_cursor: str | None
