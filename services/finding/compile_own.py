"""Conditions about the corp's custom fields. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson

from services.finding.fields import FieldSpec, Kind
from services.finding.giving import Compiler, Giving, compared, in_range, joined, many, unless
from services.finding.model import Condition
from services.finding.values import Range


def _choice(one: Condition, give: Giving) -> str:
    members = [f"k.fields @> {give(_json(one.spec.column, value), 'jsonb')}" for value in many(one)]
    return unless(one.op in ("not_equals", "none_of"), joined("any", members))


def _set(one: Condition, give: Giving) -> str:
    members = [f"k.fields @> {give(_json(one.spec.column, [value]), 'jsonb')}" for value in one.value]
    return unless(one.op == "none_of", joined("all" if one.op == "all_of" else "any", members))


def _json(key: str, value: object) -> str:
    return orjson.dumps({key: value}).decode()


def _number(one: Condition, give: Giving) -> str:
    if one.op == "not_equals":
        same = f"w.value = {give(one.value, 'numeric')}"
        return f"not {_numbers(one.spec, same, give)}"
    return _numbers(one.spec, compared("w.value", one, give), give)


def _day(one: Condition, give: Giving) -> str:
    """Days have no time: `from` and `to` are days, both included."""
    zone = give.context.zone
    if one.op == "between":
        between = Range.model_construct(min=_number_of(one.value.since, zone), max=_number_of(one.value.until, zone))
        return _numbers(one.spec, in_range("w.value", between, give), give)
    today = give.context.now.astimezone(zone).date()
    since = _number_of(today - timedelta(days=one.value.days - 1), zone)
    recent = _numbers(one.spec, f"w.value >= {give(since, 'numeric')}", give)
    return unless(one.op == "not_within", recent)


def _number_of(given: datetime | date | None, zone: ZoneInfo) -> int | None:
    """Days since 1970."""
    if given is None:
        return None
    day = given.astimezone(zone).date() if isinstance(given, datetime) else given
    return (day - date(1970, 1, 1)).days


def _numbers(spec: FieldSpec, compared_value: str, give: Giving) -> str:
    return give.has("customer_number w", [f"w.key = {give(spec.column)}", compared_value], owner="w.customer_id")


OWN: Mapping[Kind, Compiler] = {Kind.CHOICE: _choice, Kind.SET: _set, Kind.NUMBER: _number, Kind.TIME: _day}
"""By what a custom field holds."""
