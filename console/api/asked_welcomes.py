"""Bodies, paths and queries about welcome messages. What WeCom would refuse is refused when it is saved."""

from collections.abc import Callable
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from console.api import examples_welcomes as examples
from console.api.asked import Limit
from console.api.fields import Body, Id, Moment, Number
from services.welcomes.model import (
    LINK_DESC_BYTES,
    LINK_TITLE_BYTES,
    MINIPROGRAM_TITLE_BYTES,
    MOST_ATTACHMENTS,
    TEXT_BYTES,
    URL_BYTES,
    Draft,
    State,
)
from services.welcomes.plan import VARIABLES, unknown_variables

MOST_NAMED = 500
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


def _within(most: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        size = len(value.encode(errors="replace"))
        if size > most:
            raise ValueError(f"has {size} bytes of UTF-8, WeCom takes {most}")
        return value

    return check


def _known_variables(value: str) -> str:
    if unknown := unknown_variables(value):
        raise ValueError(f"in braces may stand {' and '.join(VARIABLES)}, not {', '.join(unknown)[:200]}")
    return value


def _address(value: str) -> str:
    if not value.startswith(("http://", "https://")) or not value.isprintable() or " " in value:
        raise ValueError("must be an address with http:// or https://")
    return value


def _clock(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a text such as 09:00")
    return value


Url = Annotated[str, Field(min_length=1), AfterValidator(_within(URL_BYTES)), AfterValidator(_address)]
Clock = Annotated[str, BeforeValidator(_clock), Field(pattern=CLOCK, json_schema_extra={"example": "09:00"})]
Weekday = Annotated[int, Field(ge=1, le=7, strict=True)]


class ImageIn(Body):
    """A file of ours, or an address from which WeCom fetches it."""

    kind: Literal["image"]
    file_id: Number | None = None
    pic_url: Url | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file_id is None) == (self.pic_url is None):
            raise ValueError("name file_id or pic_url")
        return self


class LinkIn(Body):
    kind: Literal["link"]
    title: Annotated[str, Field(min_length=1), AfterValidator(_within(LINK_TITLE_BYTES))]
    url: Url
    picurl: Url | None = None
    desc: Annotated[str, AfterValidator(_within(LINK_DESC_BYTES))] | None = None


class MiniProgramIn(Body):
    """`file_id`: the picture on its cover, an image."""

    kind: Literal["miniprogram"]
    title: Annotated[str, Field(min_length=1), AfterValidator(_within(MINIPROGRAM_TITLE_BYTES))]
    appid: Id
    page: Annotated[str, Field(min_length=1), AfterValidator(_within(URL_BYTES))]
    file_id: Number


class FileIn(Body):
    kind: Literal["video", "file"]
    file_id: Number


AttachmentIn = Annotated[ImageIn | LinkIn | MiniProgramIn | FileIn, Field(discriminator="kind")]


class WelcomeRuleBody(Body):
    """Whose new friends hear what, and when. Empty conditions hold for everybody; the most particular rule speaks."""

    model_config = ConfigDict(json_schema_extra={"example": examples.RULE})
    name: Annotated[str, Field(min_length=1, max_length=64)]
    enabled: Annotated[bool, Field(strict=True)] = True
    userids: list[Id] = Field(default=[], max_length=MOST_NAMED)
    department_ids: list[Number] = Field(
        default=[], max_length=MOST_NAMED, description="Outlets: main departments of associates, beside the userids"
    )
    states: list[Id] = Field(default=[], max_length=MOST_NAMED, description="Of contact ways; one of them is enough")
    weekdays: list[Weekday] = Field(default=[], max_length=7, description="1 is Monday, in the corp's time zone")
    from_time: Clock | None = None
    until_time: Clock | None = Field(default=None, description="Not included; 20:00 to 08:00 goes over midnight")
    priority: Annotated[int, Field(ge=-1000, le=1000, strict=True)] = Field(
        default=0, description="Among equally particular rules the higher one speaks"
    )
    text: Annotated[str, AfterValidator(_within(TEXT_BYTES)), AfterValidator(_known_variables)] | None = Field(
        default=None, description="{customer} and {associate} are names; {customer|you} says what stands in for one"
    )
    attachments: list[AttachmentIn] = Field(default=[], max_length=MOST_ATTACHMENTS)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.from_time is None) != (self.until_time is None):
            raise ValueError("from_time and until_time belong together")
        if self.from_time is not None and self.from_time == self.until_time:
            raise ValueError("from_time and until_time are the same: leave both out for the whole day")
        if not (self.text or "").strip() and not self.attachments:
            raise ValueError("a welcome has a text, attachments, or both")
        return self

    def draft(self) -> Draft:
        values = self.model_dump(exclude={"attachments", "from_time", "until_time"})
        return Draft(
            **values,
            from_time=time.fromisoformat(self.from_time) if self.from_time else None,
            until_time=time.fromisoformat(self.until_time) if self.until_time else None,
            attachments=[one.model_dump(exclude_none=True) for one in self.attachments],
        )


class WelcomeRulePath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class WelcomePreviewBody(Body):
    """A friendship that might begin. `at`: now, when it is left out."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PREVIEW})
    userid: Id
    external_userid: Id | None = Field(default=None, description="Whose name is used, if it is known")
    state: Id | None = None
    at: Moment | None = None


class WelcomeFileQuery(Body):
    kind: Literal["image", "video", "file"] = "file"
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r'^[^/\\\r\n"]+$')] = "file.txt"


class WelcomeFilePath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class WelcomesQuery(Body):
    userid: Id | None = None
    external_userid: Id | None = None
    state: State | None = None
    before: Number | None = Field(default=None, description="The lowest id of the page before; newest first")
    limit: Limit = 100


class WelcomeTotalsQuery(Body):
    since: Moment | None = Field(default=None, description="A day ago, when it is left out")
    until: Moment | None = None
