"""Values of custom fields: their definitions. What they hold is the retailer's, in the customer's own document.

Authority: the retailer alone. WeCom never sees any of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as kept
from enum import StrEnum

from shared.errors import TerminalError


class Kind(StrEnum):
    SINGLE_LINE = "single_line"
    MULTI_LINE = "multi_line"
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"
    DATE = "date"
    CASCADE = "cascade"
    NUMBER = "number"


WITH_OPTIONS = frozenset({Kind.SINGLE_CHOICE, Kind.MULTIPLE_CHOICE, Kind.CASCADE})
PERSONAL = frozenset({Kind.SINGLE_LINE, Kind.MULTI_LINE})
"""Kinds whose values are somebody's words: personal unless their maker says otherwise."""
DOCUMENT = "fields"
"""Where the values lie in the customer's own document: key -> value."""
MOST_FIELDS, MOST_OPTIONS, MOST_LEVELS, MOST_IN_POOL_LIST = 100, 2000, 5, 3
LONGEST_LINE, LONGEST_TEXT = 200, 2000
LARGEST_NUMBER = 10**15

Value = str | int | float | list[str]
"""A text, an ISO date or an option's id; a number; ids of options, of a cascade from the top down."""


class Use(StrEnum):
    """What a customer is just now: in the pool, or not (any more)."""

    CUSTOMER = "customer"
    POOL = "pool"


class FieldRefusedError(TerminalError):
    """The definition cannot be so; the text says why."""


class NoFieldError(TerminalError):
    """There is no such custom field."""


class ValueRefusedError(TerminalError):
    """This is no value of the field; the text says why, and never what it was."""


class ValuesRefusedError(TerminalError):
    """Some custom fields of one customer cannot be so: (key, why) of each."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {why}" for key, why in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Option:
    """`withdrawn`: nobody can choose it any more; values that hold it keep it. `options`: of a cascade's next level."""

    id: str
    name: str
    withdrawn: bool = False
    options: tuple["Option", ...] = ()


@dataclass(frozen=True)
class Field:
    """`key` and `kind` never change. `personal`: values stay in the encrypted document; nobody filters by them."""

    key: str
    name: str
    kind: Kind
    options: tuple[Option, ...] = ()
    personal: bool = False
    required_of_customer: bool = False
    required_of_pool: bool = False
    in_pool_list: bool = False
    enabled: bool = True
    position: int = 0

    def required_of(self, use: Use) -> bool:
        required = self.required_of_pool if use is Use.POOL else self.required_of_customer
        return required and self.enabled


@dataclass(frozen=True)
class WantedOption:
    """`id` None: a new one."""

    name: str
    id: str | None = None
    withdrawn: bool = False
    options: tuple["WantedOption", ...] = ()


@dataclass(frozen=True)
class FieldEdit:
    """What is to be different; None: as it is. `options`: all of them; those left out are withdrawn."""

    name: str | None = None
    options: tuple[WantedOption, ...] | None = kept(default=None)
    personal: bool | None = None
    required_of_customer: bool | None = None
    required_of_pool: bool | None = None
    in_pool_list: bool | None = None
    enabled: bool | None = None


def walk(options: Sequence[Option]) -> Iterator[Option]:
    """All options of a tree, each before its own."""
    for one in options:
        yield one
        yield from walk(one.options)
