"""Decides what becomes of definitions, and which custom fields of one customer may change so. Pure (CUS-5)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.fields.model import (
    MOST_FIELDS,
    MOST_IN_POOL_LIST,
    MOST_LEVELS,
    MOST_OPTIONS,
    PERSONAL,
    WITH_OPTIONS,
    Field,
    FieldEdit,
    FieldRefusedError,
    Kind,
    Option,
    Use,
    Value,
    ValueRefusedError,
    ValuesRefusedError,
    WantedOption,
    walk,
)
from services.fields.values import BETWEEN_CHOICES, BETWEEN_LEVELS, check_value
from shared.names import plain

SEPARATORS = {Kind.MULTIPLE_CHOICE: BETWEEN_CHOICES, Kind.CASCADE: BETWEEN_LEVELS}


def plan_new(key: str, name: str, kind: Kind, edit: FieldEdit, *, others: Sequence[Field]) -> Field:
    """
    Raises:
        FieldRefusedError
    """
    if len(others) >= MOST_FIELDS:
        raise FieldRefusedError(f"a corp has {MOST_FIELDS} custom fields at most: delete one that nobody needs")
    if any(one.key == key for one in others):
        raise FieldRefusedError("there is a field with this key")
    personal = kind in PERSONAL if edit.personal is None else edit.personal
    position = max((one.position for one in others), default=0) + 1
    return plan_edit(Field(key, name, kind, personal=personal, position=position), edit, others=others)


def plan_edit(field: Field, edit: FieldEdit, *, others: Sequence[Field]) -> Field:
    """The field as it is to be. `others`: all that live, this one may be among them.

    Raises:
        FieldRefusedError
    """
    given = {name: value for name, value in edit.__dict__.items() if value is not None and name != "options"}
    wanted = replace(field, **given)
    if edit.options is not None:
        wanted = replace(wanted, options=plan_options(field, edit.options))
    others = [one for one in others if one.key != field.key]
    if any(plain(one.name) == plain(wanted.name) for one in others):
        raise FieldRefusedError("another field has this name")
    if wanted.kind in WITH_OPTIONS and not any(not one.withdrawn for one in wanted.options):
        raise FieldRefusedError(f"a field of kind {wanted.kind} has options to choose from")
    if wanted.in_pool_list and sum(one.in_pool_list for one in others) >= MOST_IN_POOL_LIST:
        raise FieldRefusedError(f"pool lists show {MOST_IN_POOL_LIST} custom fields at most: take one out first")
    return wanted


def plan_options(field: Field, wanted: Sequence[WantedOption]) -> tuple[Option, ...]:
    """All options: as wanted and in that order, then those that are left out, withdrawn. Ids are never used again.

    Raises:
        FieldRefusedError
    """
    if field.kind not in WITH_OPTIONS:
        raise FieldRefusedError(f"a field of kind {field.kind} has no options")
    planned = _level(wanted, field.options, _Ids(field.options), field.kind, depth=1)
    if sum(1 for _ in walk(planned)) > MOST_OPTIONS:
        raise FieldRefusedError(f"a field has {MOST_OPTIONS} options at most, withdrawn ones among them")
    return planned


class _Ids:
    """Gives ids to new options: numbers that no option of the field has had."""

    def __init__(self, options: Sequence[Option]) -> None:
        self.taken = {one.id for one in walk(options)}
        self.wanted: set[str] = set()
        self.last = max((int(one) for one in self.taken if re.fullmatch(r"[0-9]{1,9}", one)), default=0)

    def take(self, wanted: str | None, *, known: bool) -> str:
        if wanted is None:
            self.last += 1
            while str(self.last) in self.taken:
                self.last += 1
            wanted = str(self.last)
        elif wanted in self.wanted:
            raise FieldRefusedError("two options have one id")
        elif wanted in self.taken and not known:
            raise FieldRefusedError("an option stays where it is in a cascade: values name the way to it")
        self.taken.add(wanted)
        self.wanted.add(wanted)
        return wanted


def _level(
    wanted: Sequence[WantedOption], present: Sequence[Option], ids: _Ids, kind: Kind, *, depth: int
) -> tuple[Option, ...]:
    if wanted and (depth > MOST_LEVELS or (depth > 1 and kind is not Kind.CASCADE)):
        raise FieldRefusedError(f"options of a cascade have {MOST_LEVELS} levels at most, others have one")
    before = {one.id: one for one in present}
    planned: list[Option] = []
    for one in wanted:
        known = before.get(one.id) if one.id is not None else None
        id_ = ids.take(one.id, known=known is not None)
        below = _level(one.options, known.options if known else (), ids, kind, depth=depth + 1)
        planned.append(Option(id_, one.name, one.withdrawn, below))
    names = [plain(one.name) for one in planned if not one.withdrawn]
    if len(set(names)) < len(names):
        raise FieldRefusedError("two options beside each other have one name")
    if kind in SEPARATORS and any(re.search(SEPARATORS[kind], one.name) for one in planned):
        raise FieldRefusedError("names of options hold no sign that stands between options in files")
    named = {one.id for one in planned}
    return (*planned, *(replace(one, withdrawn=True) for one in present if one.id not in named))


def plan_order(fields: Sequence[Field], keys: Sequence[str]) -> list[Field]:
    """Those named come first, in this order; the others follow in theirs.

    Raises:
        FieldRefusedError: a key is no field's, or there twice.
    """
    known = {one.key: one for one in fields}
    if len(set(keys)) < len(keys) or not set(keys) <= known.keys():
        raise FieldRefusedError("name each field once, and only fields that there are")
    rest = sorted((one for one in fields if one.key not in keys), key=lambda one: one.position)
    return [replace(one, position=n) for n, one in enumerate([*(known[key] for key in keys), *rest], start=1)]


def plan_values(
    fields: Sequence[Field],
    present: Mapping[str, object],
    given: Mapping[str, object],
    *,
    use: Use,
    complete: bool = False,
) -> dict[str, Value | None]:
    """What is to be written, checked; None empties. `complete`: made by hand, so all that is required must be there.

    Raises:
        ValuesRefusedError: names every field that cannot be so.
    """
    known = {one.key: one for one in fields}
    planned: dict[str, Value | None] = {}
    problems: list[tuple[str, str]] = []
    for key, value in given.items():
        try:
            planned[key] = _planned(known.get(key), value, present.get(key), use)
        except ValueRefusedError as error:
            problems.append((key, str(error)))
    if complete:
        problems += [
            (one.key, "is required")
            for one in fields
            if one.required_of(use) and one.key not in given and present.get(one.key) is None
        ]
    if problems:
        raise ValuesRefusedError(problems)
    return planned


def _planned(field: Field | None, value: object, present: object, use: Use) -> Value | None:
    if field is None:
        raise ValueRefusedError("there is no such custom field")
    if not field.enabled:
        raise ValueRefusedError("this custom field is switched off")
    checked = check_value(field, value, present=present)
    if checked is None and field.required_of(use):
        raise ValueRefusedError("is required: it cannot be emptied")
    return checked


def shown_values(fields: Sequence[Field], values: Mapping[str, object]) -> dict[str, object]:
    """What is shown of a customer's values: fields that are switched off or deleted are not."""
    return {one.key: values[one.key] for one in fields if one.enabled and values.get(one.key) is not None}


def pool_columns(fields: Sequence[Field]) -> list[Field]:
    """The custom fields that pool lists show, in order (CUS-1)."""
    return [one for one in fields if one.in_pool_list and one.enabled]
