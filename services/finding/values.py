"""The shapes of values that operators take, each checked with its place. No I/O."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from services.finding.fields import FieldSpec, Kind
from shared.grams import fold

MOST = 1000
"""Members of a list."""
LONGEST_PERIOD = 36_500
"""Days."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]


def _says_something(part: str) -> str:
    if not fold(part):
        raise ValueError("blanks alone are in every name")
    return part


Part = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_says_something)]
Whole = Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST)]
Wholes = Annotated[tuple[Whole, ...], Field(min_length=1, max_length=MOST)]


def _moment(value: object) -> object:
    """Texts that are just a day become one: pydantic would call it midnight of nowhere."""
    if isinstance(value, str) and len(value) == 10:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("no day; write YYYY-MM-DD, or a time with its zone") from None
    return value


def _in_range(value: datetime | date) -> datetime | date:
    if not 1900 <= value.year <= 2200:
        raise ValueError("must lie between the years 1900 and 2200")
    return value


Moment = Annotated[AwareDatetime | date, BeforeValidator(_moment), AfterValidator(_in_range)]
"""A day in the corp's time zone, or a time."""


class Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Period(Value):
    """From `since` on, to the end of `until` (a day) or before it (a time); or today and the days before."""

    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")
    days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_PERIOD)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Period":
        if self.days is not None and (self.since is not None or self.until is not None):
            raise ValueError("give from and to, or days")
        return self

    @property
    def given(self) -> bool:
        return self.days is not None or self.since is not None or self.until is not None


class Between(Period):
    days: None = None

    @model_validator(mode="after")
    def _something(self) -> "Between":
        if self.since is None and self.until is None:
            raise ValueError("give from, to or both")
        return self


class Days(Value):
    days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_PERIOD)]


Amount = (
    Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]
    | Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
)


class Range(Value):
    """Both ends belong to it."""

    min: Amount | None = None
    max: Amount | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is larger than max: nobody can be found")
        return self


def _day_of_year(text: str) -> str:
    try:
        date.fromisoformat(f"2024-{text}")
    except ValueError:
        raise ValueError("no day of a year; write MM-DD") from None
    return text


YearDay = Annotated[str, StringConstraints(pattern=r"^\d\d-\d\d$"), AfterValidator(_day_of_year)]


class YearDays(Value):
    """Days of any year, both ends included; over New Year when `until` is earlier."""

    since: YearDay = Field(alias="from")
    until: YearDay = Field(alias="to")


class NextDays(Value):
    days: Annotated[int, Field(strict=True, ge=1, le=366)]


class Outlets(Value):
    """Departments; `below`: with all that lie under them."""

    ids: Wholes
    below: Annotated[bool, Field(strict=True)] = False


class Added(Period):
    """One friendship that lasts, for which all that is given holds."""

    by: Texts | None = None
    outlets: Outlets | None = None
    ways: Wholes | None = None
    states: Texts | None = None


class Happened(Period):
    """Behaviour that the retailer told, of one kind."""

    kind: Text
    shop: Text | None = None
    at_least: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1


class Ordered(Period):
    """Orders that were paid: how many, and for how much together, in minor units of `currency`.

    `goods`: only orders with any of these among their lines; what such an order was for is all of it.
    """

    shop: Text | None = None
    goods: Texts | None = None
    at_least: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    amount: Range | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "CNY"


_ADAPTERS: Mapping[tuple[Kind, str], TypeAdapter[Any]] = {
    (Kind.PART, "contains"): TypeAdapter(Part),
    (Kind.PART, "not_contains"): TypeAdapter(Part),
    (Kind.IDENTITY, "equals"): TypeAdapter(Text),
    (Kind.IDENTITY, "not_equals"): TypeAdapter(Text),
    (Kind.IDENTITY, "any_of"): TypeAdapter(Texts),
    (Kind.IDENTITY, "none_of"): TypeAdapter(Texts),
    (Kind.CHOICE, "equals"): TypeAdapter(Text),
    (Kind.CHOICE, "not_equals"): TypeAdapter(Text),
    (Kind.CHOICE, "any_of"): TypeAdapter(Texts),
    (Kind.CHOICE, "none_of"): TypeAdapter(Texts),
    (Kind.SET, "any_of"): TypeAdapter(Texts),
    (Kind.SET, "all_of"): TypeAdapter(Texts),
    (Kind.SET, "none_of"): TypeAdapter(Texts),
    (Kind.NUMBER, "equals"): TypeAdapter(Amount),
    (Kind.NUMBER, "not_equals"): TypeAdapter(Amount),
    (Kind.NUMBER, "between"): TypeAdapter(Range),
    (Kind.TIME, "between"): TypeAdapter(Between),
    (Kind.TIME, "within"): TypeAdapter(Days),
    (Kind.TIME, "not_within"): TypeAdapter(Days),
    (Kind.BIRTHDAY, "between"): TypeAdapter(YearDays),
    (Kind.BIRTHDAY, "within_next"): TypeAdapter(NextDays),
    (Kind.FLAG, "is"): TypeAdapter(Annotated[bool, Field(strict=True)]),
    (Kind.OUTLET, "any_of"): TypeAdapter(Outlets),
    (Kind.OUTLET, "none_of"): TypeAdapter(Outlets),
    (Kind.ASSOCIATE, "contains"): TypeAdapter(Part),
    (Kind.ASSOCIATE, "not_contains"): TypeAdapter(Part),
    **{(Kind.ADDED, op): TypeAdapter(Added) for op in ("is", "is_not")},
    **{(Kind.EVENT, op): TypeAdapter(Happened) for op in ("is", "is_not")},
    **{(Kind.ORDER, op): TypeAdapter(Ordered) for op in ("is", "is_not")},
}
_WHOLES: TypeAdapter[Any] = TypeAdapter(Wholes)
Problem = tuple[str, str]
Nothing = Literal["empty", "not_empty"]


def check(spec: FieldSpec, op: str, value: object) -> tuple[Any, list[Problem]]:
    """The value as the operator takes it, or what is wrong with it: (pointer into the value, reason)."""
    if op in ("empty", "not_empty"):
        return None, [] if value is None else [("", f"{op} takes no value")]
    adapter = _WHOLES if spec.whole else _ADAPTERS[spec.kind, op]
    try:
        checked = adapter.validate_python(value)
    except ValidationError as error:
        return None, _problems(error)
    if spec.options:
        given = (checked,) if isinstance(checked, str) else checked
        unknown = [one for one in given if one not in spec.options]
        if unknown:
            return None, [("", f"{spec.name} is one of {', '.join(spec.options)}")]
    return checked, []


def _problems(error: ValidationError) -> list[Problem]:
    """One for each place: what no branch of a union took was refused by each of them."""
    found: dict[str, list[str]] = {}
    for one in error.errors():
        place = "".join(f"/{part}" for part in one["loc"] if part not in _NOISE)
        found.setdefault(place, []).append(one["msg"])
    return [(place, "; or: ".join(dict.fromkeys(reasons))) for place, reasons in found.items()]


_NOISE = ("date", "datetime", "int", "float", "constrained-int", "constrained-float")
"""Branches of unions, which pydantic names in its places."""
