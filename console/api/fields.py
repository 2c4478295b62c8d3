"""Kinds of values in requests, each with its bounds: what the database could not hold is refused here."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

ISO = re.compile(r"\d{4}-\d\d-\d\d")
BIGGEST = 2**63 - 1
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _as_text(value: Any) -> Any:
    """pydantic would take a number for seconds since 1970."""
    if not isinstance(value, datetime | date) and not (isinstance(value, str) and ISO.match(value)):
        raise ValueError("must be a text in ISO 8601")
    return value


def _in_range(value: datetime) -> datetime:
    if not FIRST <= value < LAST:
        raise ValueError("must lie between the years 1900 and 2200")
    return value.astimezone(UTC)


def _day_in_range(value: date) -> date:
    if not FIRST.date() <= value < LAST.date():
        raise ValueError("must lie between the years 1900 and 2200")
    return value


def printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be printable, without blanks around it")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_text), AfterValidator(_in_range)]
"""ISO 8601 with an offset; answers are UTC."""
Day = Annotated[date, BeforeValidator(_as_text), AfterValidator(_day_in_range)]
Id = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(printable)]
"""An id or code that another system made."""
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.-]+$")]
Count = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]
MinorUnits = Annotated[int, Field(ge=0, le=10**15, strict=True)]
Number = Annotated[int, Field(ge=1, le=BIGGEST)]


class Body(BaseModel):
    """A body that is sent: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
