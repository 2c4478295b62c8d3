"""Values of companies and their links to customers. Authority: the retailer's CRM; WeCom knows none of them (CUS-15).

Not to be confused with the *name* of a company that WeCom or the retailer shows of a customer (the field `company`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CompanyId, CustomerId

COMPANY = "company"
"""Kind of subject in the audit."""
MOST_LINKS = 1_000
"""Customers of a company that is deleted, and links of one request."""
MOST_COMPANIES = 100
"""Companies of one customer."""

PutOutcome = Literal["made", "changed", "unchanged", "late"]
LinkOutcome = Literal["linked", "unlinked", "changed", "unchanged", "late", "too_many", "repeated"]


class NoCompanyError(TerminalError):
    """This corp has no company with this id (any more)."""


class CompanyRefusedError(TerminalError):
    """It cannot be done with this company; the text says why and what to do."""


@dataclass(frozen=True)
class Details:
    """What is encrypted where it lies: a sole trader's tax number and address are a person's."""

    tax_number: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    contact_name: str | None = field(default=None, repr=False)
    note: str | None = field(default=None, repr=False)
    attributes: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Company:
    """`company_id` and `updated_at` are the CRM's: the newest state stands."""

    company_id: CompanyId
    name: str
    updated_at: datetime
    industry: str | None = None
    size: str | None = None
    details: Details = Details()

    def values(self) -> dict[str, Any]:
        """Everything but the id, flat, as the audit holds it."""
        own = {name: getattr(self, name) for name in ("name", "industry", "size", "updated_at")}
        return own | {name: getattr(self.details, name) for name in Details.__dataclass_fields__}


@dataclass(frozen=True)
class Known:
    """What is recorded of an id; `company` None: deleted at `updated_at`. `gone_at`: its last deletion; CRM's times."""

    company: Company | None
    updated_at: datetime
    gone_at: datetime | None = None


@dataclass(frozen=True)
class Link:
    """The newest word about one customer and one company. `linked_at` None, or `ended_at` not: there is no link."""

    company_id: CompanyId
    customer_id: CustomerId
    role: str | None
    updated_at: datetime
    linked_at: datetime | None
    ended_at: datetime | None

    @property
    def lasts(self) -> bool:
        return self.linked_at is not None and self.ended_at is None


@dataclass(frozen=True)
class Wish:
    """What a CRM says of one customer: whether the company is theirs, and in which role."""

    customer_id: CustomerId
    linked: bool
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerLinkedToCompany(Fact):
    """The CRM said that a customer belongs to a company; the id is the CRM's (CUS-15)."""

    TYPE: ClassVar[str] = "customer_linked_to_company"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    company_id: CompanyId


@dataclass(frozen=True, kw_only=True)
class CustomerUnlinkedFromCompany(Fact):
    """A customer does not belong to a company any more: the CRM said so, or deleted the company."""

    TYPE: ClassVar[str] = "customer_unlinked_from_company"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    company_id: CompanyId
