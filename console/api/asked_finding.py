"""Bodies about finding customers."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from console.api.asked import Cursor, Limit
from console.api.fields import Body
from services.finding.listing import Sort
from services.finding.model import FilterIn

EXAMPLE: dict[str, Any] = {
    "match": "all",
    "groups": [
        {
            "match": "all",
            "conditions": [
                {"field": "added", "op": "is", "value": {"by": ["LiNa"], "days": 7}},
                {"field": "tag", "op": "any_of", "value": ["etGold"]},
                {"field": "chat", "op": "empty"},
            ],
        }
    ],
}


class AssociatesQuery(Body):
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Part of the name or of the userid; width and case are no difference"
    )
    gone: bool = Field(default=False, description="Those who left the corp as well")
    cursor: Cursor | None = None
    limit: Limit = 100


class SearchBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"filter": EXAMPLE, "sort": "assigned_at", "limit": 50}})
    filter: FilterIn = FilterIn()
    sort: Annotated[Sort, Field(description="The largest, newest or best first")] = Sort.CREATED
    cursor: Cursor | None = None
    limit: Limit = 50


class CountBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"filter": EXAMPLE}})
    filter: FilterIn = FilterIn()
    exact: Annotated[bool, Field(strict=True, description="Count all of them, however long it takes")] = False


class ExplainBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"filter": EXAMPLE}})
    filter: FilterIn = FilterIn()
