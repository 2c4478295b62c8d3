"""Bodies about companies, as they are answered."""

from datetime import datetime

from pydantic import BaseModel

from console.api.personal import Document, Hidden, RealName, Words


class CompanyOut(BaseModel):
    company_id: str
    name: str
    industry: str | None
    size: str | None
    tax_number: Hidden | None
    address: Hidden | None
    contact_name: RealName | None
    note: Words | None
    attributes: Document
    updated_at: datetime


class CompanyPutOut(BaseModel):
    """`outcome`: made, changed, unchanged, or late: something newer is recorded, which `company` shows.

    `company` is null where that is its deletion.
    """

    outcome: str
    company: CompanyOut | None


class PutOutcomeOut(BaseModel):
    company_id: str
    outcome: str


class CompaniesPutOut(BaseModel):
    """One outcome for each state, in the order sent."""

    companies: list[PutOutcomeOut]


class CompaniesOut(BaseModel):
    companies: list[CompanyOut]
    next_cursor: str | None


class LinkOutcomeOut(BaseModel):
    """`outcome`: linked, unlinked, changed (the role), unchanged, late, too_many (companies of this customer), repeated
    (named before in this request), unknown_customer, ambiguous_customer."""

    customer_id: int | None
    outcome: str


class LinksPutOut(BaseModel):
    """In the order sent: first what was to be linked, then what was to be unlinked."""

    company_id: str
    customers: list[LinkOutcomeOut]


class LinkOut(BaseModel):
    customer_id: int
    role: str | None
    linked_at: datetime
    updated_at: datetime


class LinksOut(BaseModel):
    company_id: str
    customers: list[LinkOut]
    next_cursor: str | None
