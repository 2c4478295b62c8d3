"""What a card takes from encrypted documents and from names. Pure; all else of it is made by one SQL statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.grams import number_of, pieces_of
from shared.ids import CustomerId
from shared.vault import Cipher

NAME, COMPANY = "name", "company"
"""Kinds of pieces: a part of a name never finds a company."""
GENDERS = {1: "male", 2: "female"}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sources:
    """What is known of one customer in words. `genders`: as WeCom codes them."""

    customer_id: CustomerId
    own: Mapping[str, Any] = field(repr=False)
    names: Sequence[str] = field(repr=False)
    companies: Sequence[str] = field(repr=False)
    genders: Sequence[int | None]
    digest: bytes | None


@dataclass(frozen=True)
class Described:
    """The part of a card that only Python can make. `fields`: custom fields that are not personal."""

    customer_id: CustomerId
    gender: str
    level: str | None
    birthday: int | None
    fields: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True)
class Refreshed:
    """A card that is different now, and the names of its columns that are; all of them for a new card."""

    customer_id: CustomerId
    changes: frozenset[str]


def described(sources: Sources, open_fields: Mapping[str, str]) -> Described:
    """`open_fields`: custom fields that are not personal, key -> kind."""
    own = sources.own
    values = own.get("fields") or {}
    level = own.get("level")
    return Described(
        sources.customer_id,
        own.get("gender") or next((GENDERS[one] for one in sources.genders if one in GENDERS), UNKNOWN),
        level if isinstance(level, str) else None,
        day_of_year(own.get("birthday")),
        {key: values[key] for key in sorted(open_fields) if values.get(key) not in (None, "", [])},
    )


def day_of_year(birthday: object) -> int | None:
    """Month * 100 + day of an ISO date; None when it is none."""
    try:
        day = date.fromisoformat(birthday) if isinstance(birthday, str) else None
    except ValueError:
        return None
    return day.month * 100 + day.day if day else None


def names_of(sources: Sources) -> dict[str, list[str]]:
    """What is searched by part: kind -> texts."""
    real_name, company = sources.own.get("real_name"), sources.own.get("company")
    return {
        NAME: _texts([*sources.names, real_name]),
        COMPANY: _texts([*sources.companies, company]),
    }


def _texts(values: Sequence[object]) -> list[str]:
    return sorted({one for one in values if isinstance(one, str) and one.strip()})


class Pieces:
    """Turns pieces of names into numbers under a tenant's key; pieces come often, so it remembers them for a while."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher, self._known = cipher, dict[tuple[str, str], int]()

    def number(self, kind: str, piece: str) -> int:
        known = self._known.get((kind, piece))
        if known is None:
            known = number_of(self._cipher, kind, piece)
            if len(self._known) < 100_000:
                self._known[kind, piece] = known
        return known

    def numbers(self, names: Mapping[str, Sequence[str]]) -> list[int]:
        return sorted(
            {self.number(kind, piece) for kind, texts in names.items() for text in texts for piece in pieces_of(text)}
        )

    def digest(self, names: Mapping[str, Sequence[str]]) -> bytes:
        """Equal as long as the names are."""
        joined = "\0".join(f"{kind}\1{text}" for kind, texts in sorted(names.items()) for text in texts)
        return self._cipher.index("names", joined)[:16]
