"""Bodies, paths and queries about what messages look like and where they go, as they are sent."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from console.api import examples_looks as examples
from console.api.fields import Body, Number, printable
from services.message_templates.model import LONGEST_DESCRIPTION, LONGEST_TITLE, Form

Notice = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", json_schema_extra={"example": "relation_lost"})]
Language = Annotated[Literal["en", "zh"], Field(json_schema_extra={"example": "en"})]
Flag = Annotated[bool, Field(strict=True)]
RobotName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
Key = Annotated[
    str,
    Field(
        min_length=8,
        max_length=128,
        pattern=r"^[0-9A-Za-z_-]+$",
        description="What stands after key= in the robot's address. Whoever has it may speak in the group; never shown",
    ),
]
Notices = Annotated[list[Notice], Field(max_length=100, description="Kinds that it tells administrators")]


class TextPath(Body):
    notice: Notice
    language: Language


class TextQuery(Body):
    folded: bool = Field(default=False, description="The text of a message that stands for several")


class _Text(Body):
    title: str = Field(min_length=1, max_length=LONGEST_TITLE, description="One line")
    description: str = Field(
        min_length=1, max_length=LONGEST_DESCRIPTION, description='May hold <br> and <div class="gray">'
    )


class TextBody(_Text):
    model_config = ConfigDict(json_schema_extra={"example": examples.TEXT})
    folded: Flag = False


class PreviewBody(_Text):
    """`words`: in place of the samples, to see what long ones do."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PREVIEW})
    notice: Notice
    language: Language
    folded: Flag = False
    above: Flag = Field(default=False, description="As somebody reads it who hears of another one's matter")
    words: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=LONGEST_TITLE)]] = Field(
        default={}, max_length=50
    )


class FormPath(Body):
    notice: Notice


class FormBody(Body):
    """`appid`, `page`: the mini-program that a notice of that form opens; it must be linked to the app."""

    model_config = ConfigDict(json_schema_extra={"example": examples.FORM})
    form: Form
    appid: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)] | None = None
    page: Annotated[str, Field(min_length=1, max_length=512), AfterValidator(printable)] | None = None

    @model_validator(mode="after")
    def _with_program(self) -> "FormBody":
        if (self.form is Form.MINIPROGRAM) != (self.appid is not None) or (self.page and not self.appid):
            raise ValueError("a mini-program notice has appid (and page), no other form has")
        return self


class RobotPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class RobotBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.ROBOT})
    name: RobotName
    key: Key
    notices: Notices
    enabled: Flag = True


class RobotEditBody(Body):
    """What is absent stays."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ROBOT_EDIT})
    name: RobotName | None = None
    key: Key | None = None
    notices: Notices | None = None
    enabled: Flag | None = None
