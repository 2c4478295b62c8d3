"""Bodies, paths and queries about the pool."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from console.api import examples_pool as examples
from console.api.asked import MOST_PAGE, Cursor, IdentityIn, Limit, OwnFields, Source
from console.api.fields import Body, Id, Moment, Number
from services.pool.batches import MOST_RECEIVERS
from services.pool.model import LONGEST_NOTE, MOST_IDS, Reason, Status

MOST_NAMED = 100
Ids = Annotated[list[Number], Field(min_length=1, max_length=MOST_IDS)]
Days = Annotated[int, Field(ge=1, le=3650, strict=True)]
Hour = Annotated[int, Field(ge=0, le=23, strict=True)]


class PoolPath(Body):
    id: Number = Field(json_schema_extra={"example": 2})


class BatchPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class RulePath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class ReturnRulePath(Body):
    id: Number = Field(json_schema_extra={"example": 2})


class MatchPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class AssociatePath(Body):
    userid: Id = Field(json_schema_extra={"example": "LiNa"})


class PoolFilter(Body):
    """All that is named must hold; of a list, one of them."""

    status: list[Status] = Field(default=[], max_length=4)
    userid: list[Id] = Field(default=[], max_length=MOST_NAMED)
    source: list[Source] = Field(default=[], max_length=MOST_NAMED)
    reason: list[Reason] = Field(default=[], max_length=MOST_NAMED)
    department_id: list[Number] = Field(default=[], max_length=MOST_NAMED)
    entered_from: Moment | None = None
    entered_before: Moment | None = None


class PoolQuery(PoolFilter):
    cursor: Cursor | None = None
    limit: Limit = 100


class PartQuery(Body):
    part: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Part of a name, or three digits or more of a phone number"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_PAGE)] = 100


class MatchesQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 100


class EntryBody(Body):
    """Somebody by hand, or from a shop: found by an identity, or made; then taken into the pool."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ENTRY})
    identities: list[IdentityIn] = Field(min_length=1, max_length=20)
    fields: OwnFields = OwnFields()
    source: Source = "hand"
    department_id: Number | None = Field(default=None, description="The outlet that is nearest, or responsible")
    userid: Id | None = Field(default=None, description="Who is to add them; else they are unassigned")


class EnterBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.ENTER})
    customer_ids: Ids
    source: Source
    department_id: Number | None = None


class ReceiverBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.RECEIVER})
    userid: Id


class ClaimBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CLAIM})
    userid: Id
    customer_ids: Ids


class BatchBody(Body):
    """Whom: customers by id, or all that a filter finds. To whom: associates, members of departments, or both."""

    model_config = ConfigDict(json_schema_extra={"example": examples.BATCH})
    customer_ids: Ids | None = None
    filter: PoolFilter | None = None
    userids: list[Id] = Field(default=[], max_length=MOST_RECEIVERS)
    department_ids: list[Number] = Field(default=[], max_length=MOST_NAMED)
    how: Literal["random", "turns"] = "turns"
    also_assigned: bool = Field(
        default=False, description="Who is assigned, or unreachable, changes hands, too (TRF-1)"
    )

    @model_validator(mode="after")
    def _whole(self) -> "BatchBody":
        if (self.customer_ids is None) == (self.filter is None):
            raise ValueError("name either customer_ids or filter ({} is everybody)")
        if not self.userids and not self.department_ids:
            raise ValueError("name userids, department_ids, or both")
        return self


class ByBody(Body):
    """`userid`: the associate who says so; then the customer must be theirs to add."""

    model_config = ConfigDict(json_schema_extra={"example": examples.BY})
    userid: Id | None = None


class UnreachableBody(ByBody):
    model_config = ConfigDict(json_schema_extra={"example": examples.UNREACHABLE})
    reason: Reason
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] | None = None

    @model_validator(mode="after")
    def _words(self) -> "UnreachableBody":
        if self.reason is Reason.OTHER and not (self.note or "").strip():
            raise ValueError("the reason other needs a note that says what happened")
        return self


class ReleaseBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.RELEASE})
    customer_ids: Ids
    userid: Id | None = None


class ConditionsIn(Body):
    """Empty ones hold for everybody. Hours are whole ones in the corp's time zone; 20 to 8 goes over midnight."""

    sources: list[Source] = Field(default=[], max_length=MOST_NAMED)
    tag_ids: list[Number] = Field(default=[], max_length=MOST_NAMED, description="Local tags; one of them is enough")
    stage_ids: list[Number] = Field(default=[], max_length=MOST_NAMED)
    department_ids: list[Number] = Field(default=[], max_length=MOST_NAMED, description="The record's own outlet")
    from_hour: Hour | None = None
    to_hour: Hour | None = None

    @model_validator(mode="after")
    def _both(self) -> "ConditionsIn":
        if (self.from_hour is None) != (self.to_hour is None):
            raise ValueError("from_hour and to_hour belong together")
        return self


class ActionIn(Body):
    """To these associates, to members of these departments, to members of the record's own outlet."""

    userids: list[Id] = Field(default=[], max_length=MOST_RECEIVERS)
    department_ids: list[Number] = Field(default=[], max_length=MOST_NAMED)
    own_outlet: bool = False
    least_loaded: bool = Field(default=False, description="Who has the fewest to add is next; else by turns")

    @model_validator(mode="after")
    def _somebody(self) -> "ActionIn":
        if not self.userids and not self.department_ids and not self.own_outlet:
            raise ValueError("name userids or department_ids, or set own_outlet")
        return self


class AssignRuleBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.ASSIGN_RULE})
    name: Annotated[str, Field(min_length=1, max_length=64)]
    position: Annotated[int, Field(ge=0, le=10_000, strict=True)] = Field(
        default=0, description="Lower ones come first"
    )
    enabled: bool = True
    conditions: ConditionsIn = ConditionsIn()
    action: ActionIn


class ReturnRuleBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.RETURN_RULE})
    name: Annotated[str, Field(min_length=1, max_length=64)]
    enabled: bool = True
    days: Days = Field(description="Since they were assigned, or the associate last got in touch")
    statuses: list[Literal["assigned", "unreachable"]] = Field(default=["assigned"], min_length=1, max_length=2)
    sources: list[Source] = Field(default=[], max_length=MOST_NAMED)


class MatchBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.MATCH})
    customer_id: Number | None = Field(description="Which of them it is; null: none of them, and do not ask again")
