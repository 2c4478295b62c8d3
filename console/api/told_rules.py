"""Bodies about stages, automatic tags, scores, segments and saved filters, as they are answered."""

from datetime import datetime

from pydantic import BaseModel

from console.api.personal import Asked, Words


class LineStageOut(BaseModel):
    """`customer_count`: of those whom the caller sees."""

    stage_id: int
    name: str
    automatic: bool
    filter: Asked
    customer_count: int


class LineOut(BaseModel):
    line_id: int
    name: str
    stages: list[LineStageOut]


class LinesOut(BaseModel):
    """In their order."""

    lines: list[LineOut]


class StagesMovedOut(BaseModel):
    """`chosen_count`: how many there are of those meant; `moved_count`: whose stage is another one now."""

    chosen_count: int
    moved_count: int


class AutomaticTagOut(BaseModel):
    rule_id: int
    tag_id: str
    filter: Asked
    state: str
    made_at: datetime
    made_by: str


class AutomaticTagsOut(BaseModel):
    """Oldest first."""

    rules: list[AutomaticTagOut]


class RunOut(BaseModel):
    """A rule that looks at everybody. `kind`: tag (an automatic tag's rule) or line; `done_at` null: under way.

    `asked_by`: a person, daily, retry, or segment:ID that was refreshed.
    """

    kind: str
    rule_id: int
    asked_at: datetime
    asked_by: str
    seen_count: int
    changed_count: int
    total_count: int | None
    done_at: datetime | None
    problem: str | None


class RunsOut(BaseModel):
    runs: list[RunOut]


class ScoreRuleOut(BaseModel):
    rule_id: int
    account: str
    name: str
    behaviour: str
    amount: int
    each: int | None
    per_day: int | None
    made_at: datetime


class ScoreRulesOut(BaseModel):
    rules: list[ScoreRuleOut]
    points_below_zero: bool


class AdjustedOut(BaseModel):
    """`too_few`: customers whose points would have been fewer than none; nothing was done to them."""

    chosen_count: int
    changed_count: int
    too_few: list[int]


class LedgerEntryOut(BaseModel):
    entry_id: int
    account: str
    amount: int
    rule_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    by: str
    reason: Words | None


class LedgerOut(BaseModel):
    """Newest first."""

    entries: list[LedgerEntryOut]
    next_cursor: str | None = None


class SegmentOut(BaseModel):
    """`member_count` and `filter` null: the caller sees only a part. `wanted_at`: a refresh is under way since then.
    `filter` null, and `by_hand`: people and imports fill it."""

    segment_id: int
    name: str
    category: str | None
    kind: str
    filter: Asked | None
    by_hand: bool
    state: str
    member_count: int | None
    refreshed_at: datetime | None
    wanted_at: datetime | None
    problem: str | None
    created_at: datetime
    created_by: str


class SegmentsOut(BaseModel):
    """By name."""

    segments: list[SegmentOut]


class MemberOut(BaseModel):
    customer_id: int
    since: datetime


class MembersOut(BaseModel):
    members: list[MemberOut]
    next_cursor: str | None = None


class GoodsOut(BaseModel):
    """`name` null: no order said what they are called."""

    goods_id: str
    name: str | None
    customer_count: int


class MembersChangedOut(BaseModel):
    """`chosen_count`: customers who were named or found; `changed_count`: who came or went because of it."""

    chosen_count: int
    changed_count: int


class PortraitOut(BaseModel):
    """`counts`: dimension -> value -> members, of the `seen_count` that were looked at, `share` of all.

    `goods`: what most of them bought, at most twenty.
    """

    seen_count: int
    share: float
    counts: dict[str, dict[str, int]]
    averages: dict[str, float | None]
    goods: list[GoodsOut]


class SavedFilterOut(BaseModel):
    filter_id: int
    name: str
    filter: Asked
    owner: str
    shared: bool
    created_at: datetime
    updated_at: datetime


class SavedFiltersOut(BaseModel):
    """Those of the caller, and those that others share, by name."""

    filters: list[SavedFilterOut]
