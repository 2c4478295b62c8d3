"""What is sent about chats: folders, lists, tags, events."""

import re
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from console.api import examples
from console.api.asked import Cursor, Limit
from console.api.fields import BIGGEST, Body, Day, Id, Moment, Number, printable
from console.api.problems import ProblemError
from services.bulk.model import MOST_TAGS
from services.chats.model import (
    LOCAL,
    LONGEST_CONTENT,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    MOST_AT_ONCE,
    MOST_FOLDERS,
    MOST_OF_EVENT,
    MOST_REMIND_MINUTES,
    MOST_TREND_DAYS,
    ChatFilter,
    ChatIds,
    Chosen,
    Sort,
)
from services.loss.listing import EndedFilter
from shared.grams import fold

MOST_OF_A_LIST = 100
TREND_DAYS = 30
LOCAL_TAG = re.compile(rf"{LOCAL}[1-9][0-9]{{0,17}}")


def _names_something(value: str) -> str:
    if not fold(value):
        raise ValueError("holds nothing but blanks")
    return value


FolderId = Annotated[int, Field(ge=0, le=BIGGEST, description="0 is Ungrouped")]
Title = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(printable)]
"""A name that people read."""
Ids = Annotated[list[Id], Field(max_length=MOST_OF_A_LIST)]
Numbers = Annotated[list[Number], Field(max_length=MOST_OF_A_LIST)]


class ChatFilterIn(Body):
    """All that is given must hold; nothing given: all chats that are not dismissed."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_names_something)] | None = Field(
        default=None, description="Part of the name, from one character on; width and case are no difference"
    )
    owner_userids: Ids = Field(default=[])
    outlet_ids: Numbers = Field(default=[], description="Main departments of owners")
    folder_ids: Annotated[list[FolderId], Field(max_length=MOST_OF_A_LIST)] = Field(default=[])
    any_tags: Numbers = Field(default=[])
    all_tags: Numbers = Field(default=[])
    no_tags: Numbers = Field(default=[])
    dismissed: Literal["no", "yes", "all"] = "no"

    def chosen(self) -> ChatFilter:
        return ChatFilter(
            **{name: getattr(self, name) for name in ChatFilterIn.model_fields if name != "dismissed"},
            dismissed={"no": False, "yes": True, "all": None}[self.dismissed],
        )


class ChatsQuery(ChatFilterIn):
    sort: Sort = Sort.CREATED
    order: Literal["asc", "desc"] | None = Field(default=None, description="Names rise, all else falls")
    cursor: Cursor | None = None
    limit: Limit = 100

    @property
    def ascending(self) -> bool:
        return self.order == "asc" if self.order else self.sort is Sort.NAME


class ChosenBody(Body):
    """Chats by their ids, or all that a filter finds (not only what a page shows)."""

    chat_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_AT_ONCE)] | None = None
    filter: ChatFilterIn | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "ChosenBody":
        if (self.chat_ids is None) == (self.filter is None):
            raise ValueError("name chat_ids or a filter, not both")
        return self

    def chosen(self) -> Chosen:
        if self.filter is not None:
            return self.filter.chosen()
        return ChatIds(tuple(dict.fromkeys(self.chat_ids or ())))


class MoveBody(ChosenBody):
    model_config = ConfigDict(json_schema_extra={"example": examples.MOVE_CHATS})
    folder_id: FolderId


class FolderBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT_FOLDER})
    name: Title


class FolderOrderBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.FOLDER_ORDER})
    folder_ids: Annotated[list[Number], Field(max_length=MOST_FOLDERS)] = Field(
        description="Each folder once, from the top down, without Ungrouped"
    )


class FolderPath(Body):
    id: FolderId = Field(json_schema_extra={"example": 1})


class ChatPath(Body):
    chat_id: Id = Field(json_schema_extra={"example": "wrChatOne"})


class ChatBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT})
    description: Annotated[str, Field(max_length=LONGEST_DESCRIPTION)] | None = Field(
        description="Of our own; an empty one empties it"
    )


class TrendQuery(Body):
    """Both ends are included."""

    since: Day | None = Field(default=None, description="Without it: thirty days")
    until: Day | None = Field(default=None, description="Without it, or when it is to come: today")

    def days(self, today: date) -> tuple[date, date]:
        """
        Raises:
            ProblemError: no range, or one that is too long.
        """
        until = min(self.until or today, today)
        since = self.since or until - timedelta(days=TREND_DAYS - 1)
        if not 0 <= (until - since).days < MOST_TREND_DAYS:
            why = f"must lie before until and today, at most {MOST_TREND_DAYS} days"
            raise ProblemError(422, "invalid", "no such range", errors=[("query/since", why)])
        return since, until


class MembersQuery(Body):
    present: Literal["yes", "no", "all"] = Field(default="yes", description="no: those who left, once for each stay")
    kind: Literal["customer", "associate"] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class SeveralQuery(Body):
    least: Annotated[int, Field(ge=2, le=1000)] = Field(default=2, description="In so many chats at once")
    cursor: Cursor | None = None
    limit: Limit = 100


class ChatTagsBody(ChosenBody):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAG_CHATS})
    add: Numbers = Field(default=[])
    remove: Numbers = Field(default=[])

    @model_validator(mode="after")
    def _something(self) -> "ChatTagsBody":
        if not self.add and not self.remove:
            raise ValueError("nothing to add or remove")
        if set(self.add) & set(self.remove):
            raise ValueError("a tag is to be added and removed")
        return self


def _local_has_a_number(value: str) -> str:
    if value.startswith(LOCAL) and not LOCAL_TAG.fullmatch(value):
        raise ValueError("a local tag is named local:ID")
    return value


CustomerTag = Annotated[Id, AfterValidator(_local_has_a_number)]


class CustomersTagsBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAG_CUSTOMERS_OF_CHAT})
    add: list[CustomerTag] = Field(default=[], max_length=MOST_TAGS, description="Ids of corp tags, or local:ID")
    remove: list[CustomerTag] = Field(default=[], max_length=MOST_TAGS)
    reason: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "CustomersTagsBody":
        if not self.add and not self.remove:
            raise ValueError("nothing to add or remove")
        if set(self.add) & set(self.remove):
            raise ValueError("a tag is to be added and removed")
        return self


class TagGroupBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT_TAG_GROUP})
    name: Title


class ChatTagBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT_TAG})
    group_id: Number
    name: Title


class TagNameBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT_TAG_NAME})
    name: Title


class ChatTagPath(Body):
    id: Number = Field(json_schema_extra={"example": 7001})


class ChatEventPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


Minutes = Annotated[int, Field(ge=0, le=MOST_REMIND_MINUTES, strict=True)]
Content = Annotated[str, Field(max_length=LONGEST_CONTENT)]


class ChatEventBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT_EVENT})
    name: Title
    content: Content = ""
    starts_at: Moment
    remind_minutes: Minutes | None = Field(default=None, description="So long before the start; null: not at all")
    chat_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_OF_EVENT)]


class ChatEventChangeBody(Body):
    """What is not given stays."""

    model_config = ConfigDict(json_schema_extra={"example": examples.CHAT_EVENT_CHANGE})
    name: Title | None = None
    content: Content | None = None
    starts_at: Moment | None = None
    remind_minutes: Minutes | None = None
    chat_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_OF_EVENT)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "ChatEventChangeBody":
        if not self.model_fields_set:
            raise ValueError("nothing to change")
        if any(getattr(self, name) is None for name in self.model_fields_set - {"remind_minutes"}):
            raise ValueError("only remind_minutes may be null")
        return self


class CancelBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CANCEL})
    reason: Annotated[str, Field(max_length=500)] | None = None


class ChatEventsQuery(Body):
    by: Literal["event", "time"] = Field(default="time", description="event: newest made first; time: next first")
    chat_id: Id | None = None
    since: Moment | None = Field(default=None, description="That start then or later")
    before: Moment | None = Field(default=None, description="That start earlier")
    cancelled: bool = False
    cursor: Cursor | None = None
    limit: Limit = 100


class EndedFilterIn(Body):
    """All that is given must hold."""

    userids: Ids = Field(default=[])
    outlet_ids: Numbers = Field(default=[], description="Main departments of associates")
    since: Moment | None = Field(default=None, description="Ended then or later")
    before: Moment | None = Field(default=None, description="Ended earlier")

    def chosen(self) -> EndedFilter:
        return EndedFilter(self.userids, self.outlet_ids, self.since, self.before)


class EndedQuery(EndedFilterIn):
    cursor: Cursor | None = None
    limit: Limit = 100
