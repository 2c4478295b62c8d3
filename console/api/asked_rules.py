"""Bodies and paths about stages, automatic tags, scores, segments and saved filters, as they are sent."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from console.api import examples_rules as examples
from console.api.asked import CustomerPath
from console.api.fields import Body, Number
from services.finding.model import FilterIn
from services.scores.model import BEHAVIOUR, ORDERS, Account
from services.segments.model import Kind, State

MOST_AT_ONCE = 1_000
MOST_AMOUNT = 10**12


def _written(value: str) -> str:
    name = " ".join(value.split())
    if not name or not name.isprintable():
        raise ValueError("must have letters, and no control characters")
    return name


Title = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_written)]
"""A name that people give to a thing."""
Amount = Annotated[int, Field(strict=True, ge=-MOST_AMOUNT, le=MOST_AMOUNT)]


class LinePath(CustomerPath):
    line_id: Number = Field(json_schema_extra={"example": 1})


class LineBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.LINE})
    name: Title


class LineEditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.LINE_EDIT})
    name: Title


class StageBody(Body):
    """`automatic`: who meets the filter enters by themselves."""

    model_config = ConfigDict(json_schema_extra={"example": examples.STAGE})
    name: Title
    automatic: Annotated[bool, Field(strict=True)] = False
    filter: FilterIn | None = None

    @model_validator(mode="after")
    def _with_filter(self) -> "StageBody":
        if self.automatic and self.filter is None:
            raise ValueError("an automatic stage has a filter")
        return self


class StageEditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.STAGE_EDIT})
    name: Title | None = None
    automatic: Annotated[bool, Field(strict=True)] | None = None
    filter: FilterIn | None = None


class StageOrderBody(Body):
    """All stages of the line; of several that are met, the last is a customer's."""

    model_config = ConfigDict(json_schema_extra={"example": examples.STAGE_ORDER})
    stage_ids: list[Number] = Field(min_length=1, max_length=100)


class StageSetBody(Body):
    """null: out of the line."""

    model_config = ConfigDict(json_schema_extra={"example": examples.STAGE_SET})
    stage_id: Number | None


class Meant(Body):
    """Whom it is about: either these customers, or those whom a filter finds now, up to 10,000."""

    customer_ids: list[Number] | None = Field(default=None, min_length=1, max_length=MOST_AT_ONCE)
    filter: FilterIn | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Meant":
        if (self.customer_ids is None) == (self.filter is None):
            raise ValueError("give customer_ids or filter")
        return self


class EnterStageBody(Meant):
    model_config = ConfigDict(json_schema_extra={"example": examples.ENTER})
    stage_id: Number


class LeaveBody(Meant):
    model_config = ConfigDict(json_schema_extra={"example": examples.LEAVE})
    line_id: Number


class AutomaticTagBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.AUTOMATIC_TAG})
    tag_id: Annotated[str, Field(pattern=r"^local:[1-9][0-9]{0,17}$", description="An automatic tag, as local:ID")]
    filter: FilterIn


class AutomaticTagEditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.AUTOMATIC_TAG_EDIT})
    filter: FilterIn | None = None
    state: Literal["running", "stopped"] | None = None


def _behaviour(value: str) -> str:
    if not BEHAVIOUR.match(value):
        raise ValueError("event:KIND, purchase, refund or tag:ID (a local one as tag:local:ID)")
    return value


class ScoreRuleBody(Body):
    """`each`: the amount counts for each full so many minor units of an order. `per_day`: so many count a day."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SCORE_RULE})
    account: Account
    name: Title
    behaviour: Annotated[str, Field(max_length=140), AfterValidator(_behaviour)]
    amount: Amount
    each: Annotated[int, Field(strict=True, ge=1, le=10**12)] | None = None
    per_day: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> "ScoreRuleBody":
        if self.amount == 0:
            raise ValueError("an amount of 0 changes nothing")
        if self.each is not None and self.behaviour not in ORDERS:
            raise ValueError("only purchase and refund have an amount that `each` divides")
        return self


class ScoreSettingsBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.SCORE_SETTINGS})
    points_below_zero: Annotated[bool, Field(strict=True)]


class AdjustOneBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.ADJUST_ONE})
    account: Account
    amount: Amount
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class AdjustBody(Meant):
    model_config = ConfigDict(json_schema_extra={"example": examples.ADJUST})
    account: Account
    amount: Amount
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class SegmentBody(Body):
    """`dynamic`: refreshed each day; `static`: stays as it is made, or, without a filter, is filled by hand."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SEGMENT})
    name: Title
    category: Title | None = None
    kind: Kind
    filter: FilterIn | None = None

    @model_validator(mode="after")
    def _with_filter(self) -> "SegmentBody":
        if self.kind is Kind.DYNAMIC and self.filter is None:
            raise ValueError("a dynamic segment has a filter")
        return self


class ByHandPath(Body):
    id: Number = Field(json_schema_extra={"example": 700})


class MembersBody(Meant):
    model_config = ConfigDict(json_schema_extra={"example": examples.MEMBERS})


class SegmentEditBody(Body):
    """`state`: stopped, nothing refreshes it; running, it is refreshed at once and each day."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SEGMENT_EDIT})
    name: Title | None = None
    category: Title | None = None
    filter: FilterIn | None = None
    state: State | None = None


class RunBody(Body):
    """Nothing."""

    model_config = ConfigDict(json_schema_extra={"example": {}})


class RefreshBody(Body):
    """Nothing."""

    model_config = ConfigDict(json_schema_extra={"example": {}})


class SavedFilterBody(Body):
    """`shared`: others see and use it; only its owner changes it."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SAVED_FILTER})
    name: Title
    filter: FilterIn
    shared: Annotated[bool, Field(strict=True)] = False


class SavedFilterEditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.SAVED_FILTER_EDIT})
    name: Title | None = None
    filter: FilterIn | None = None
    shared: Annotated[bool, Field(strict=True)] | None = None


class CopyBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.COPY})
    name: Title


def told(given: FilterIn) -> Any:
    """As it is kept."""
    return given.model_dump(mode="json")
