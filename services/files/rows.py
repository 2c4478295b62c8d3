"""Turns the cells of a row into what is known of one person, or into the reasons why it cannot. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from services.fields.model import Field, Kind, ValueRefusedError
from services.fields.values import parse_value
from services.files.model import CUSTOM, SEGMENTS, SEVERAL, SOURCE, TAGS, USERID, WECOM_TAGS, Failure, Problem, Row
from services.persons.model import EXTERNAL_USERID, KIND, Identity, IdentityError, Key, make_identity
from services.pool.model import SOURCE as POOL_SOURCE
from shared.spreadsheets.model import FORMULA, Line

LONGEST = {"real_name": 64, "company": 128, "level": 64, "note": 2000, SOURCE: 60}
GENDERS = {
    **dict.fromkeys(("男", "男性", "先生", "male", "m", "man", "1"), "male"),
    **dict.fromkeys(("女", "女性", "女士", "female", "f", "woman", "2"), "female"),
    **dict.fromkeys(("未知", "保密", "unknown", "0"), "unknown"),
}
MOST_TAGS = 50
FIRST_YEAR, LAST_YEAR = 1900, 2199
_SHORTENED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+")
"""A long number as a spreadsheet shortens it: its last digits are lost."""
_BETWEEN = re.compile(r"[;；,，、]")
"""Between several phones or e-mail addresses in one cell, as exports write them."""
_SPOILT_END = re.compile(r"([0-9]+)\.0+")
_SEVERAL = {TAGS: "tag", WECOM_TAGS: "wecom_tag", SEGMENTS: "segment"}
"""Fields whose cells name several of what the corp has -> code of the problem."""
_TAG_ENDS = re.compile(r"[,;，；、|\n]+")
_DAY = re.compile(r"([0-9]{4})[-/.年 ]{1,2}([0-9]{1,2})[-/.月 ]{1,2}([0-9]{1,2})日?(?:[ T].*)?")
_PLAIN_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_SERIAL = re.compile(r"[0-9]{1,5}(\.[0-9]+)?")
_MAINLAND_MOBILE = re.compile(r"1[3-9][0-9]{9}")
DAY_ZERO = date(1899, 12, 30)
"""Of the serial numbers of days in spreadsheets."""


@dataclass(frozen=True)
class Known:
    """What a corp has that rows may name. `tags`: name, or group/name, → id; None: several have this name."""

    region: str
    tags: Mapping[str, int | None] = field(default_factory=dict)
    associates: Mapping[str, str | None] = field(default_factory=dict)
    """userid, or name → userid; None: several have this name."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Those that can be used, by key."""
    corp_tags: Mapping[str, str | None] = field(default_factory=dict)
    """As `tags`, of WeCom."""
    segments: Mapping[str, int | None] = field(default_factory=dict)
    """Those that are filled by hand: name -> id."""

    def named(self, field_name: str) -> Mapping[str, Any]:
        """What cells of a field name several of."""
        return {TAGS: self.tags, WECOM_TAGS: self.corp_tags, SEGMENTS: self.segments}[field_name]


Cells = dict[str, Any]


class RowReader:
    """`places`: (column, field) of the columns that are mapped; `columns`: how many the file has."""

    def __init__(
        self, places: Sequence[tuple[int, str]], *, columns: int, known: Known, key_of: Callable[[Identity], Key]
    ) -> None:
        self._places, self._columns, self._known, self._key_of = places, columns, known, key_of

    def read(self, line: Line) -> Row | Failure:
        problems: list[Problem] = []
        identities: list[Identity] = []
        own, custom, values = Cells(), Cells(), Cells()
        cells = line.cells
        if len(cells) > self._columns:
            problems.append(Problem("cells"))
        for at, name in self._places:
            text = cells[at].strip() if at < len(cells) else ""
            if not text:
                continue
            try:
                self._take(name, text, identities=identities, own=own, custom=custom, values=values)
            except _RefusedError as error:
                problems.append(Problem(error.code, name))
        if not identities and not problems:
            problems.append(Problem("no_identity"))
        if problems:
            return Failure(line.number, tuple(problems))
        if custom := {key: value for key, value in custom.items() if value is not None}:
            own["fields"] = custom
        kept = tuple(dict.fromkeys(identities))
        return Row(
            line.number, kept, tuple(self._key_of(one) for one in kept), own,
            values.get(TAGS, frozenset()), values.get(SOURCE), values.get(USERID),
            values.get(WECOM_TAGS, frozenset()), values.get(SEGMENTS, frozenset()),
        )  # fmt: skip

    def _take(
        self, name: str, text: str, *, identities: list[Identity], own: Cells, custom: Cells, values: Cells
    ) -> None:
        if text == FORMULA:
            raise _RefusedError("formula")
        if "\0" in text:
            raise _RefusedError("characters")
        if KIND.match(name):
            several = _BETWEEN.split(text) if name in SEVERAL else [text]
            identities += [self._identity(name, one.strip()) for one in several if one.strip()]
        elif name.startswith(CUSTOM):
            custom[name[len(CUSTOM) :]] = self._custom(name[len(CUSTOM) :], text)
        elif name in (*_SEVERAL, USERID, SOURCE):
            values[name] = self._value(name, text)
        else:
            own[name] = _own(name, text)

    def _identity(self, kind: str, text: str) -> Identity:
        if kind != "email" and _SHORTENED.fullmatch(text):
            raise _RefusedError("shortened")
        if spoilt := _SPOILT_END.fullmatch(text):
            text = spoilt[1]
        if kind == "phone" and self._known.region == "CN" and _MAINLAND_MOBILE.fullmatch(text):
            return Identity(kind, f"+86{text}")  # what the library makes of it, in a hundredth of its time
        try:
            return make_identity(kind, text, region=self._known.region)
        except IdentityError:
            raise _RefusedError("identity") from None

    def _custom(self, key: str, text: str) -> Any:
        try:
            own = self._known.fields[key]
            day = read_day(text) if own.kind is Kind.DATE else None
            return parse_value(own, day.isoformat() if day else text)
        except ValueRefusedError:
            raise _RefusedError("value") from None

    def _value(self, name: str, text: str) -> Any:
        if name in _SEVERAL:
            names = [one.strip() for one in _TAG_ENDS.split(text) if one.strip()]
            found = [self._known.named(name).get(one, 0) for one in names]
            if 0 in found or len(found) > MOST_TAGS:
                raise _RefusedError(_SEVERAL[name])
            if None in found:
                raise _RefusedError("tag_several")
            return frozenset(found)
        if name == USERID:
            userid = self._known.associates.get(text, "")
            if not userid:
                raise _RefusedError("associate" if userid == "" else "associate_several")
            return userid
        return _pool_source(_bounded(name, text))


class _RefusedError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _pool_source(text: str) -> str:
    """As the pool names it: a plain word is an import of that name."""
    for source in (text, f"import:{text}"):
        if POOL_SOURCE.match(source):
            return source
    raise _RefusedError("source")


def _own(name: str, text: str) -> str:
    if name == "gender":
        gender = GENDERS.get(text.casefold())
        if gender is None:
            raise _RefusedError("gender")
        return gender
    if name == "birthday":
        day = read_day(text)
        if day is None:
            raise _RefusedError("day")
        return day.isoformat()
    return _bounded(name, text)


def _bounded(name: str, text: str) -> str:
    if len(text) > LONGEST[name]:
        raise _RefusedError("long")
    if name != "note" and not text.isprintable():
        raise _RefusedError("characters")
    return text


def read_day(text: str) -> date | None:
    """A day as people and spreadsheets write it: 1990-1-31, 1990/1/31, 1990年1月31日, 19900131, or a serial number."""
    found = _DAY.fullmatch(text) or _PLAIN_DAY.fullmatch(text)
    try:
        if found is not None:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        elif _SERIAL.fullmatch(text):
            day = DAY_ZERO + timedelta(days=int(float(text)))
        else:
            return None
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def names_contact(row: Row) -> bool:
    return any(kind == EXTERNAL_USERID for kind, _ in row.keys)
