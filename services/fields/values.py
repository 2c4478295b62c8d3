"""What a custom field may hold: values as systems send them, texts as people write them into files. Pure (CUS-5).

Empty (None, "", no choice) is None everywhere. What a value holds already it may keep, withdrawn options included.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from services.fields.model import (
    LARGEST_NUMBER,
    LONGEST_LINE,
    LONGEST_TEXT,
    WITH_OPTIONS,
    Field,
    Kind,
    Option,
    Value,
    ValueRefusedError,
    walk,
)
from shared.names import plain

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]0?0:00(?::00)?(?:\.0+)?)?")
NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?")
BETWEEN_CHOICES, BETWEEN_LEVELS = r"[,;，；、|\n]", r"[/>＞\n]"
LONGEST_NUMBER, NO_DIGITS = 40, ("", "+", "-")
FIRST_YEAR, LAST_YEAR = 1900, 2199
CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_value(field: Field, value: object, *, present: object = None) -> Value | None:
    """The value as it is kept. `present`: what the customer has now.

    Raises:
        ValueRefusedError
    """
    if value is None or value in ("", []):
        return None
    return CHECKS[field.kind](field, value, present)


def parse_value(field: Field, text: str) -> Value | None:
    """A cell of a file: options by their names (or ids), dates and numbers as people write them.

    Raises:
        ValueRefusedError
    """
    text = text.strip()
    if not text:
        return None
    if field.kind in WITH_OPTIONS:
        return check_value(field, _chosen(field, text))
    if field.kind is Kind.DATE:
        return check_value(field, _written_day(text))
    if field.kind is Kind.NUMBER:
        return check_value(field, _written_number(text))
    return check_value(field, text)


def _line(_field: Field, value: object, _present: object) -> Value | None:
    return _text(value, LONGEST_LINE, allowed="")


def _lines(_field: Field, value: object, _present: object) -> Value | None:
    return _text(value, LONGEST_TEXT, allowed="\n\t")


def _text(value: object, longest: int, *, allowed: str) -> str | None:
    if not isinstance(value, str):
        raise ValueRefusedError("must be a text")
    text = value.replace("\r\n", "\n").strip()
    if len(text) > longest:
        raise ValueRefusedError(f"is longer than {longest} characters")
    if any(unicodedata.category(one) in CONTROLS and one not in allowed for one in text):
        raise ValueRefusedError("holds control characters" if allowed else "must be one line, no control characters")
    return text or None


def _day(_field: Field, value: object, _present: object) -> Value:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and ISO_DAY.fullmatch(value) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueRefusedError("must be a day that exists, such as 2026-11-22")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueRefusedError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return day.isoformat()


def _number(_field: Field, value: object, _present: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueRefusedError("must be a number")
    if not abs(value) <= LARGEST_NUMBER:  # NaN is not, either
        raise ValueRefusedError("must lie between -10^15 and 10^15")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _one_choice(field: Field, value: object, present: object) -> Value:
    if not isinstance(value, str):
        raise ValueRefusedError("must be the id of one option")
    return _in_order(field.options, [value], [present])[0]


def _choices(field: Field, value: object, present: object) -> Value:
    kept = present if isinstance(present, list) else []
    return _in_order(field.options, _ids(value), kept)


def _in_order(options: Sequence[Option], ids: Sequence[str], kept: Iterable[object]) -> list[str]:
    held = list(kept)
    usable = {one.id for one in options if not one.withdrawn or one.id in held}
    if not set(ids) <= usable:
        raise ValueRefusedError("holds what is no option, or none any more")
    return [one.id for one in options if one.id in ids]


def _path(field: Field, value: object, present: object) -> Value:
    ids = _ids(value)
    if ids == present:
        return ids
    level: Sequence[Option] = field.options
    for id_ in ids:
        found = next((one for one in level if one.id == id_ and not one.withdrawn), None)
        if found is None:
            raise ValueRefusedError("is no way from the top down, or holds an option that is none any more")
        level = found.options
    if any(not one.withdrawn for one in level):
        raise ValueRefusedError("must go down to the last level")
    return ids


def _ids(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueRefusedError("must be a list of ids of options")
    if len(set(value)) < len(value):
        raise ValueRefusedError("holds an option twice")
    return value


CHECKS: Mapping[Kind, Callable[[Field, object, object], Value | None]] = {
    Kind.SINGLE_LINE: _line,
    Kind.MULTI_LINE: _lines,
    Kind.SINGLE_CHOICE: _one_choice,
    Kind.MULTIPLE_CHOICE: _choices,
    Kind.DATE: _day,
    Kind.CASCADE: _path,
    Kind.NUMBER: _number,
}


def _chosen(field: Field, text: str) -> object:
    if field.kind is Kind.SINGLE_CHOICE:
        return _named(field.options, text).id
    if field.kind is Kind.CASCADE:
        level, path = field.options, []
        for part in _parts(BETWEEN_LEVELS, text):
            found = _named(level, part)
            path.append(found.id)
            level = found.options
        return path
    return list(dict.fromkeys(_named(field.options, part).id for part in _parts(BETWEEN_CHOICES, text)))


def _parts(between: str, text: str) -> list[str]:
    return [part for one in re.split(between, text) if (part := one.strip())]


def _named(options: Sequence[Option], text: str) -> Option:
    wanted, usable = plain(text), [one for one in options if not one.withdrawn]
    for one in usable:
        if plain(one.name) == wanted:
            return one
    for one in usable:
        if one.id == text.strip():
            return one
    raise ValueRefusedError("holds what is no option, or none any more")


def _written_day(text: str) -> str:
    found = DAY.fullmatch(unicodedata.normalize("NFKC", text))
    if found is None:
        raise ValueRefusedError("must be a day, such as 2026-11-22")
    year, month, day = found.groups()
    return f"{year}-{month:0>2}-{day:0>2}"


def _written_number(text: str) -> int | float:
    digits = unicodedata.normalize("NFKC", text).replace(" ", "")
    if len(digits) > LONGEST_NUMBER or not digits.isascii() or not NUMBER.fullmatch(digits) or digits in NO_DIGITS:
        raise ValueRefusedError("must be a number")
    digits = digits.replace(",", "")
    return float(digits) if "." in digits else int(digits)


def shown(field: Field, value: object) -> str:
    """The value in words, for people and files: options by their names."""
    if field.kind not in WITH_OPTIONS:
        return "" if value is None else str(value)
    names = {one.id: one.name for one in walk(field.options)}
    ids = value if isinstance(value, list) else [value] if value else []
    return ("/" if field.kind is Kind.CASCADE else "、").join(names.get(str(one), str(one)) for one in ids)
