"""Values of intents: what people, rules or the retailer's systems want changed in WeCom.

Authority of a relation's remark, description, company, phones and corp tags is shared: the last person to act wins, on
either side. An intent is a wish for one field of one relation (or of the catalogue of tags, see `services.catalogue`),
with what its author may have seen there (`bases`). It is pushed only where WeCom still shows one of these: an edit that
an associate made meanwhile stands, and the author hears of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as kept
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from services.customers.model import ObservedRelation, RelationFact
from services.planning import Cause
from shared.errors import TerminalError
from shared.ids import ExternalUserId, TagId, UserId

REMARK, DESCRIPTION, COMPANY = "remark", "description", "remark_corp_name"
TEXTS: Mapping[str, int] = {REMARK: 20, DESCRIPTION: 150, COMPANY: 20}
"""Fields of text -> the most characters. Source: WeCom server API, externalcontact/remark."""
PHONES = "remark_mobiles"
LONGEST_PHONE = 32
NOTES = frozenset({*TEXTS, PHONES})
TAG = "tag:"
WITHDRAWN = "the job was cancelled before it was written"
WECHAT_USER = 1
"""Type of a contact who uses WeChat; the others use WeCom and have a company of their own."""

Value = str | bool | int | tuple[str, ...]
"""A text, whether the tag is on, a place in an order, or phone numbers."""

NOBODY = UserId("")
"""The associate of a wish that is about no relation."""


class Source(StrEnum):
    PERSON = "person"
    RULE = "rule"
    API = "api"


CAUSES: Mapping[Source, Cause] = {Source.PERSON: "operator", Source.RULE: "rule", Source.API: "api"}


class IntentState(StrEnum):
    PENDING = "pending"
    SENT = "sent"  # a push has begun: its answer may be known or not
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Wish:
    """What somebody asks for: one field of one relation, or of the catalogue (`NOBODY`)."""

    userid: UserId
    field: str
    desired: Value = kept(repr=False)


@dataclass(frozen=True)
class Intent:
    """A wish that is open. `bases`: what was recorded when it was asked for, and what open wishes before it wanted and
    found; empty: nothing was known.

    `pushes` counts the calls that began; `accepted_at` is when WeCom took one, None also when its answer was lost.
    `made_id`: what WeCom's answer called the thing that was made; "": it made none, or did not say. `withdrawn`: it
    belongs to a job that was cancelled.
    """

    id: int
    userid: UserId
    field: str
    desired: Value = kept(repr=False)
    bases: frozenset[Value] = kept(repr=False)
    created_at: datetime
    pushes: int = 0
    accepted_at: datetime | None = None
    made_id: str = ""
    source: Source = Source.PERSON
    author: str = ""
    withdrawn: bool = False

    @property
    def tag_id(self) -> TagId | None:
        """The tag that is to be put on or taken off."""
        return TagId(self.field.removeprefix(TAG)) if self.field.startswith(TAG) else None


class WishRefusedError(TerminalError):
    """It cannot be asked for; the text says why."""


@dataclass(frozen=True)
class Settled:
    """An intent that has come to its end. `why` is "" for a confirmed one; `code` is WeCom's; `made_id` as there."""

    intent: Intent
    state: IntentState
    why: str = ""
    code: int | None = None
    made_id: str = ""

    def fact(self, external_userid: ExternalUserId, *, at: datetime) -> "RelationEditSettled":
        return RelationEditSettled(
            occurred_at=at,
            userid=self.intent.userid,
            external_userid=external_userid,
            intent_id=self.intent.id,
            field=self.intent.field,
            outcome=self.state.value,
            code=self.code,
        )


@dataclass(frozen=True, kw_only=True)
class RelationEditSettled(RelationFact):
    """What was wanted of a relation has come to its end: `outcome` is confirmed, refused or superseded.

    `field` is remark, description or tag:ID, never their content; `code` is WeCom's, when it refused.
    """

    TYPE: ClassVar[str] = "relation_edit_settled"
    intent_id: int
    field: str
    outcome: str
    code: int | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any], state: IntentState, *, at: datetime) -> "RelationEditSettled":
        """`row`: id, subject_key, userid, field of an intent that has ended without WeCom's doing."""
        return cls(
            occurred_at=at,
            userid=UserId(row["userid"]),
            external_userid=ExternalUserId(row["subject_key"]),
            intent_id=row["id"],
            field=row["field"],
            outcome=state.value,
        )


def shown(relation: ObservedRelation, name: str) -> Value | None:
    """What a read shows of the field; None: it does not say. A note that a read leaves out is empty."""
    notes = relation.notes
    if name in NOTES:
        value: Value | None = getattr(notes, name)
        empty: Value = () if name == PHONES else ""
        return empty if value is None else compared(value)
    return None if notes.corp_tag_ids is None else name.removeprefix(TAG) in notes.corp_tag_ids


def compared(value: Value) -> Value:
    """A value as it is compared: WeCom may keep phone numbers in an order of its own."""
    return tuple(sorted(value)) if isinstance(value, tuple) else value
