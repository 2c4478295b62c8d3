"""Bodies, paths and queries of files, imports and exports."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from console.api import examples
from console.api.asked import Limit, Source
from console.api.fields import Body, Id, Number
from services.files.columns import COLUMNS, MOST_COLUMNS
from services.files.model import Existing
from services.finding.model import FilterIn
from shared.spreadsheets.model import Format

MOST_IDS = 10_000
Header = Annotated[str, Field(min_length=1, max_length=500)]
FieldName = Annotated[str, Field(min_length=1, max_length=100, description="Such as phone, crm, real_name, field:KEY")]
Mapping = Annotated[dict[Header, FieldName], Field(min_length=1, max_length=100)]


class UploadQuery(Body):
    name: Annotated[str, Field(min_length=1, max_length=200)] = "customers"


class FilePath(Body):
    id: Number = Field(json_schema_extra={"example": 2})


class RemovedPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class NewestQuery(Body):
    before: Number | None = Field(default=None, description="The lowest id of the page before; newest first")
    limit: Limit = 100


class ImportPath(Body):
    id: Number = Field(json_schema_extra={"example": 2})


class ExportPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class ImportBody(Body):
    """What is not named in a row's own cell goes to every row."""

    model_config = ConfigDict(json_schema_extra={"example": examples.IMPORT})
    file_id: Number
    mapping: Mapping | None = Field(default=None, description="Header → field; without it, what the headers propose")
    tag_ids: list[Number] = Field(default=[], max_length=50, description="Manual local tags")
    corp_tag_ids: list[Id] = Field(default=[], max_length=50, description="WeCom's; they wait where nobody is a friend")
    segment_ids: list[Number] = Field(default=[], max_length=50, description="Static segments without a filter")
    source: Source = "import"
    userid: Id | None = Field(default=None, description="Who is to add those who enter the pool")
    existing: Existing = Field(default="update", description="Known customers: overwrite, fill what is empty, or skip")
    make: bool = Field(default=True, description="Whether customers nobody knows are made")
    pool: bool = Field(default=True, description="Whether those who are no friends enter the pool")


class MappingBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.MAPPING})
    mapping: Mapping


class ExportedCustomers(Body):
    """Exactly one of them."""

    all: Literal[True] | None = None
    customer_ids: Annotated[list[Number], Field(min_length=1, max_length=MOST_IDS)] | None = None
    filter: FilterIn | None = Field(default=None, description="All that it finds when the export begins")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.all, self.customer_ids, self.filter)) != 1:
            raise ValueError("name one of all, customer_ids and filter")
        return self


class ExportBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.EXPORT})
    customers: ExportedCustomers
    columns: Annotated[list[FieldName], Field(min_length=1, max_length=MOST_COLUMNS)] = Field(
        description=f"In their order: {', '.join(COLUMNS)}, field:KEY"
    )
    format: Format = Format.CSV
    language: Literal["zh", "en"] = Field(default="zh", description="Of the headings")

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column is named twice")
        return self
