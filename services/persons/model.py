"""Values of persons: identities and the retailer's own fields, and who has the say about what.

A person is a `customer` row. WeCom's record of them (external contact) may join later, or never.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

import phonenumbers

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId


class Authority(StrEnum):
    WECOM = "WeCom"
    RETAILER = "retailer"
    SHARED = "shared"  # the last person to act, on either side, wins (services/intents)
    OURS = "Guanxi"  # made here from rules and decisions


AUTHORITY: Mapping[str, Authority] = {
    "real_name": Authority.RETAILER,
    "birthday": Authority.RETAILER,
    "gender": Authority.RETAILER,
    "company": Authority.RETAILER,
    "level": Authority.RETAILER,
    "note": Authority.RETAILER,
    "attributes": Authority.RETAILER,
    "fields": Authority.RETAILER,
    "identities": Authority.RETAILER,
    "orders": Authority.RETAILER,
    "events": Authority.RETAILER,
    "companies": Authority.RETAILER,
    "contacts": Authority.WECOM,
    "relation.state": Authority.WECOM,
    "relation.started_at": Authority.WECOM,
    "relation.ended_at": Authority.WECOM,
    "relation.add_way": Authority.WECOM,
    "relation.add_state": Authority.WECOM,
    "relation.personal_tags": Authority.WECOM,
    "relation.remark_mobiles": Authority.SHARED,
    "relation.remark_corp_name": Authority.SHARED,
    "relation.remark": Authority.SHARED,
    "relation.description": Authority.SHARED,
    "relation.tag_ids": Authority.SHARED,
    "local_tags": Authority.OURS,
    "waiting_tags": Authority.OURS,
    "blacklisted": Authority.OURS,
    "assigned_userid": Authority.OURS,
    "assigned_at": Authority.OURS,
    "standing": Authority.OURS,
    "purchases": Authority.OURS,
    "merged_ids": Authority.OURS,
}
"""Field as the API shows it -> who has the say. docs/api.md has the same table; a test holds the two together.

A unionid that WeCom itself shows is WeCom's, as `contacts` are.
"""

OWN = ("real_name", "birthday", "gender", "company", "level", "note", "attributes", "fields")
"""The retailer's own fields, in one encrypted document per person; `fields`: custom fields, key -> value (CUS-5)."""

CUSTOMER = "customer"
EXTERNAL_USERID, UNIONID, PHONE, EMAIL, CRM = "external_userid", "unionid", "phone", "email", "crm"
SINGLE = frozenset({EXTERNAL_USERID, UNIONID, CRM})
"""Kinds of which a person has one: two different ones are two persons."""
WEAK = frozenset({PHONE, EMAIL})
"""Kinds that several people may share, or mistype: they prove something only where they are verified (CUS-12)."""
KIND = re.compile(r"(external_userid|unionid|phone|email|crm|(shop|miniapp):[A-Za-z0-9_.-]{1,40})\Z")
LONGEST = 256

Key = tuple[str, bytes]
"""An identity as it is compared: its kind, and a keyed hash of its normalised value."""
Source = Literal["wecom", "api", "import"]


class IdentityError(TerminalError):
    """This is no identity of that kind; the text says why, and never what it was."""


class NotYoursError(TerminalError):
    """WeCom has the say about it; the text says what to do."""


@dataclass(frozen=True)
class Identity:
    """`value` is normalised."""

    kind: str
    value: str = field(repr=False)
    verified: bool = False


@dataclass(frozen=True)
class RecordedIdentity:
    identity: Identity
    source: str
    created_at: datetime | None


def make_identity(kind: str, value: str, *, region: str, verified: bool = False) -> Identity:
    """Normalise, so that equal values are equal bytes; `region`: of phone numbers without a country code, such as CN.

    Raises:
        IdentityError: an unknown kind, or no such value.
    """
    if not KIND.match(kind):
        raise IdentityError(
            "unknown kind; known are external_userid, unionid, phone, email, crm, shop:NAME, miniapp:ID"
        )
    text = value.strip()
    if not text or len(text) > LONGEST or not text.isprintable():
        raise IdentityError(f"a value has 1 to {LONGEST} printable characters")
    if kind == PHONE:
        text = _phone(text, region)
    elif kind == EMAIL:
        text = _email(text)
    return Identity(kind, text, verified and kind in WEAK)


def _phone(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise IdentityError("no phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise IdentityError("no phone number: too short or too long")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(text: str) -> str:
    name, _, domain = text.rpartition("@")
    if not name or "." not in domain or "@" in name or any(one.isspace() for one in text):
        raise IdentityError("no e-mail address")
    return text.casefold()


@dataclass(frozen=True, kw_only=True)
class CustomersMerged(Fact):
    """Two records turned out to be one person: what belonged to `merged_id` belongs to `customer_id` now."""

    TYPE: ClassVar[str] = "customers_merged"
    SUBJECT: ClassVar[tuple[str, str]] = (CUSTOMER, "customer_id")
    customer_id: CustomerId
    merged_id: CustomerId


@dataclass(frozen=True, kw_only=True)
class CustomersParted(Fact):
    """A merge was undone: `parted_id` stands for itself again, with what had come from it."""

    TYPE: ClassVar[str] = "customers_parted"
    SUBJECT: ClassVar[tuple[str, str]] = (CUSTOMER, "customer_id")
    customer_id: CustomerId
    parted_id: CustomerId
