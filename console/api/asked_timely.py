"""Bodies about what the clock reminds of, as they are sent."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from console.api.fields import Body, Number
from services.watching.model import DIGEST_HOUR, LOOK_HOUR, MOST_BEFORE_DAYS, MOST_DAYS, USUAL_BEFORE

MOST_STAGES = 1500
EXAMPLE: dict[str, Any] = {
    "deletions": {"mode": "digest", "hour": 8},
    "leavers": {"days_before": [30, 7, 1], "hour": 9},
    "stages": [{"stage_id": 1, "days": 7, "every_days": 3, "hour": 9}],
    "silence": [{"stage_id": None, "days": 30, "every_days": None, "hour": 9}],
}

Mode = Literal["off", "each", "digest", "both"]
Hour = Annotated[int, Field(strict=True, ge=0, le=23, description="Of the day, in the corp's time zone")]
Days = Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)]
Before = Annotated[int, Field(strict=True, ge=1, le=MOST_BEFORE_DAYS)]


class DeletionsIn(Body):
    """What administrators hear of customers whom associates removed: nothing, each at once, or one digest a day."""

    mode: Mode = "digest"
    hour: Hour = DIGEST_HOUR


class LeaversIn(Body):
    """So many days before a leaver's customers cannot be handed over any more, administrators hear of it."""

    days_before: list[Before] = Field(default=list(USUAL_BEFORE), max_length=10)
    hour: Hour = LOOK_HOUR


class DaysIn(Body):
    """After so many days in this stage; `every_days`: and again, null for once."""

    stage_id: Number
    days: Days
    every_days: Days | None = None
    hour: Hour = LOOK_HOUR


class SilenceIn(Body):
    """After so many days without contact; `stage_id` null: customers in no stage that has days of its own."""

    stage_id: Number | None = None
    days: Days
    every_days: Days | None = None
    hour: Hour = LOOK_HOUR


class ReminderKindsBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})
    deletions: DeletionsIn = DeletionsIn()
    leavers: LeaversIn = LeaversIn()
    stages: list[DaysIn] = Field(default=[], max_length=MOST_STAGES)
    silence: list[SilenceIn] = Field(default=[], max_length=MOST_STAGES)

    @model_validator(mode="after")
    def _each_stage_once(self) -> "ReminderKindsBody":
        for name in ("stages", "silence"):
            ids = [one.stage_id for one in getattr(self, name)]
            if len(ids) != len(set(ids)):
                raise ValueError(f"name each stage once in {name}")
        return self
