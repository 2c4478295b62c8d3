"""Bodies, paths and queries about companies, as they are sent."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from console.api import examples_companies as examples
from console.api.asked import Cursor, IdentityIn, Limit, Scalar
from console.api.asked_rules import Title
from console.api.fields import Body, Id, Moment, Number, printable
from services.companies.model import MOST_LINKS

MOST_PUT = 1_000
Line = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
LongLine = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(printable)]


class CompanyPath(Body):
    company_id: Id = Field(json_schema_extra={"example": "K-1001"})


class CompanyBody(Body):
    """The whole state of a company: what is left out is empty. `updated_at` is yours: an older one changes nothing."""

    model_config = ConfigDict(json_schema_extra={"example": examples.COMPANY})
    name: LongLine
    industry: Line | None = None
    size: Line | None = Field(default=None, description="As you say it, such as 50-99")
    tax_number: Line | None = None
    address: Annotated[str, Field(max_length=400)] | None = None
    contact_name: Line | None = Field(default=None, description="A person's: masked without personal:read")
    note: Annotated[str, Field(max_length=2000)] | None = None
    attributes: dict[Annotated[str, Field(min_length=1, max_length=64)], Scalar] = Field(
        default={}, max_length=50, description="Whatever else"
    )
    updated_at: Moment


class CompanyIn(CompanyBody):
    model_config = ConfigDict(json_schema_extra={"example": {**examples.COMPANY, "company_id": "K-1001"}})
    company_id: Id


class CompaniesBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.COMPANIES})
    companies: list[CompanyIn] = Field(min_length=1, max_length=MOST_PUT)


class UnlinkIn(Body):
    """A customer by our id, or by an identity."""

    customer_id: Number | None = None
    customer: IdentityIn | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "UnlinkIn":
        if (self.customer_id is None) == (self.customer is None):
            raise ValueError("give customer_id or customer")
        return self


class LinkIn(UnlinkIn):
    role: Title | None = Field(default=None, description="What they are there, such as buyer")


class LinksBody(Body):
    """`updated_at` is yours: of two words about one customer and this company the newer one stands."""

    model_config = ConfigDict(json_schema_extra={"example": examples.LINKS})
    updated_at: Moment
    link: list[LinkIn] = Field(default=[], max_length=MOST_LINKS)
    unlink: list[UnlinkIn] = Field(default=[], max_length=MOST_LINKS)

    @model_validator(mode="after")
    def _some(self) -> "LinksBody":
        if not 1 <= len(self.link) + len(self.unlink) <= MOST_LINKS:
            raise ValueError(f"link or unlink somebody, up to {MOST_LINKS:,} together")
        return self


class CompaniesQuery(Body):
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="A part of it, of any length; width and case make no difference"
    )
    cursor: Cursor | None = None
    limit: Limit = 100


class CompanyDeleteQuery(Body):
    updated_at: Moment | None = Field(default=None, description="When you deleted it; else now")
