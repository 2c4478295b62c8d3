"""Bodies, paths and queries of bulk changes as they are sent."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from console.api import examples_bulk as examples
from console.api.asked import Cursor, Limit, OwnFields
from console.api.fields import Body, Number
from services.bulk_changes.model import (
    AssignmentWanted,
    BlacklistWanted,
    CorpTagsWanted,
    DeletionWanted,
    LocalTagsWanted,
    PoolWanted,
    RowState,
    ScoreWanted,
    StageWanted,
)
from services.finding.model import FilterIn

LONGEST = 500


class OwnFieldsIn(Body):
    """Own fields, set alike for everybody; null empties one."""

    kind: Literal["fields"]
    set: OwnFields

    @model_validator(mode="after")
    def _something(self) -> "OwnFieldsIn":
        if not self.set.model_fields_set:
            raise ValueError("name a field; null empties one")
        return self


ChangeIn = Annotated[
    OwnFieldsIn
    | LocalTagsWanted
    | CorpTagsWanted
    | BlacklistWanted
    | AssignmentWanted
    | PoolWanted
    | StageWanted
    | ScoreWanted
    | DeletionWanted,
    Field(discriminator="kind"),
]
Reason = Annotated[str, Field(min_length=1, max_length=LONGEST, description="A deletion needs 10 characters")]
Confirmation = Annotated[
    str, Field(max_length=50, description="As the preview says it, such as EDIT 1,234 or 修改 1,234")
]


class BulkPreviewBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.PREVIEW})
    filter: FilterIn = Field(description="Whom it is about, as in lists and segments")
    change: ChangeIn


class BulkChangeBody(BulkPreviewBody):
    model_config = ConfigDict(json_schema_extra={"example": examples.ASKED})
    reason: Reason
    confirmation: Confirmation


class BulkTurnBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TURN})
    reason: Annotated[str, Field(max_length=LONGEST)] | None = Field(default=None, description="Stands in the audit")


class BulkUndoBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.UNDO})
    reason: Reason
    confirmation: Confirmation


class BulkChangePath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class BulkChangesQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 100


class BulkRowsQuery(BulkChangesQuery):
    state: RowState | None = Field(default=None, description="Only customers of whom this came")
