"""Types of fields that carry personal data (ACC-3). A field of such a type is masked unless the caller may read it.

Whether they may is decided in one place, where an answer is written (console/api/acting.py); an answer that is written
without saying so is masked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import Field, SerializationInfo, SerializerFunctionWrapHandler, WithJsonSchema, WrapSerializer

from services.persons.masking import (
    mask_birthday,
    mask_document,
    mask_email,
    mask_name,
    mask_phone,
    mask_texts,
    mask_words,
)

MARK = "format"
"""Where a schema says so: `personal-phone` and so on."""
VIEW = "view"


@dataclass(frozen=True)
class View:
    """What a caller may see. `nicknames`: what people call themselves or each other in WeCom."""

    personal: bool = False
    nicknames: bool = True

    @property
    def mask_of_nicknames(self) -> Callable[[str], str] | None:
        """For answers that are no pydantic models, such as CSV; None: nothing is to be masked."""
        if self.personal:
            return None
        return mask_words if self.nicknames else mask_name

    @property
    def context(self) -> dict[str, "View"]:
        """For pydantic's `context`."""
        return {VIEW: self}


MASKED = View(nicknames=False)


def view_of(info: SerializationInfo) -> View:
    context = info.context
    found = context.get(VIEW) if isinstance(context, Mapping) else None
    return found if isinstance(found, View) else MASKED


def _personal(
    kind: str,
    mask: Callable[[Any], object],
    *,
    returns: Any = str,
    of_nicknames: Callable[[Any], object] | None = None,
) -> tuple[WrapSerializer, Any]:
    """`of_nicknames`: the mask where the installation shows nicknames."""

    def write(value: Any, inner: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        view = view_of(info)
        if value is None or view.personal:
            return inner(value)
        return of_nicknames(value) if of_nicknames and view.nicknames else mask(value)

    return WrapSerializer(write, return_type=returns), Field(json_schema_extra={MARK: f"personal-{kind}"})


def _mask_desired(value: object) -> object:
    return [mask_phone(one) for one in value] if isinstance(value, list) else mask_document(value)


Phone = Annotated[str, *_personal("phone", mask_phone)]
Email = Annotated[str, *_personal("email", mask_email)]
RealName = Annotated[str, *_personal("name", mask_name)]
Birthday = Annotated[
    date,
    *_personal("birthday", mask_birthday, returns=date | str),
    WithJsonSchema({"type": "string", "description": "YYYY-MM without personal:read", MARK: "personal-birthday"}),
]
Nickname = Annotated[str, *_personal("nickname", mask_name, of_nicknames=mask_words)]
"""What people call themselves or each other in WeCom; numbers and addresses in it are masked in any case."""
Hidden = Annotated[str, *_personal("text", mask_texts)]
"""A text of which no part may be read: of a sole trader, a company's number and address are a person's."""
Words = Annotated[str, *_personal("words", mask_words)]
"""A text that somebody wrote."""
Document = Annotated[dict[str, Any], *_personal("document", mask_document, returns=dict[str, Any])]
"""JSON of any shape."""
Asked = Annotated[Any, *_personal("filter", mask_document, returns=Any)]
"""A filter: people look for numbers and addresses, too."""
OwnFields = Annotated[dict[str, Any], *_personal("fields", mask_texts, returns=dict[str, Any])]
"""Fields that a retailer added: which of them say who somebody is, only they know."""
OwnValue = Annotated[Any, *_personal("fields", mask_texts, returns=Any)]
_Value = str | bool | int | list[str]
Desired = Annotated[_Value, *_personal("desired", _mask_desired, returns=_Value)]
"""A text, whether a tag is on, or phone numbers."""
