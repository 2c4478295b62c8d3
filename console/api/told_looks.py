"""Answers about what messages look like and where they go."""

from datetime import datetime

from pydantic import BaseModel

from services.message_templates.model import Form


class TextOut(BaseModel):
    title: str
    description: str


class OwnTextOut(TextOut):
    version: int
    updated_at: datetime
    updated_by: str


class TemplateOut(BaseModel):
    """`own` stands in place of `shipped`. `words`: what a text may ask for."""

    notice: str
    language: str
    folded: bool
    words: list[str]
    shipped: TextOut
    own: OwnTextOut | None


class TemplatesOut(BaseModel):
    """`title_most`, `description_most`: characters, with the words in them."""

    templates: list[TemplateOut]
    title_most: int
    description_most: int


class PreviewOut(TextOut):
    title_characters: int
    description_characters: int


class FormOut(BaseModel):
    """`buttons`: keys of the buttons that the kind has as a card."""

    notice: str
    form: Form
    appid: str | None
    page: str | None
    buttons: list[str]


class FormsOut(BaseModel):
    forms: list[FormOut]


class RobotOut(BaseModel):
    """`problem`: why it can speak no more, until its key is changed. The key is never shown."""

    id: int
    name: str
    notices: list[str]
    enabled: bool
    closed_until: datetime | None
    problem: str | None
    updated_at: datetime
    updated_by: str


class RobotsOut(BaseModel):
    robots: list[RobotOut]


class RobotTestOut(BaseModel):
    """`notification_id`: of the message that waits."""

    notification_id: int
