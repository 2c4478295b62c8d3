"""One file per notice: which template it uses and what the template is given."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from services.planning import Fact
from shared.ids import CustomerId, ExternalUserId, UserId


@dataclass(frozen=True)
class People:
    """Names as they are now, looked up when a text is rendered."""

    customer: Callable[[ExternalUserId, UserId], str]
    """The customer's name as this associate knows it: their remark, else the nickname, else the id."""
    associate: Callable[[UserId], str]
    known: Callable[[CustomerId, UserId], str] = lambda customer_id, _userid: f"#{customer_id}"
    """As `customer`, by our own id."""
    stage: Callable[[int], str] = str
    chat: Callable[[str], str] = str
    chat_event: Callable[[int], str] = str
    words: Mapping[str, str] = field(default_factory=dict)
    """What else a kind of notice is told with (services/notices/store.py `_words`)."""


@dataclass(frozen=True)
class MessageSpec:
    """`values(fact, recipient, people)` gives the text its words; where somebody else is told of the matter,
    `recipient` is whose matter it is. Words of every text (services/message_templates/model.ALWAYS) are added to them.
    """

    notice: str
    values: Callable[[Fact, UserId, People], Mapping[str, str]]
    page: str | None = None
    """The associates' page that the message leads to; None: that of the customer whom it is about."""


@cache
def specs() -> Mapping[str, MessageSpec]:
    """By kind; several threads may ask first at once, none sees some of them only."""
    modules = [importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    found: list[MessageSpec] = [module.SPEC for module in modules]
    return {spec.notice: spec for spec in found}
