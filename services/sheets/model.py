"""A relation as it is shown: what WeCom showed last, with the wishes that are open laid over it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.customers.model import Notes, Relation
from services.intents.model import NOTES, Intent
from shared.ids import UserId


@dataclass(frozen=True)
class Shown:
    """What the shared fields are going to be, if nobody else acts; None: not known."""

    remark: str | None = field(repr=False)
    description: str | None = field(repr=False)
    remark_corp_name: str | None = field(repr=False)
    remark_mobiles: tuple[str, ...] | None = field(repr=False)
    tag_ids: tuple[str, ...] | None


@dataclass(frozen=True)
class ShownRelation:
    userid: UserId
    relation: Relation
    shown: Shown
    pending: tuple[Intent, ...]


def show(relation: Relation, open_intents: Sequence[Intent]) -> ShownRelation:
    pending = tuple(one for one in open_intents if one.userid == relation.userid)
    wanted: dict[str, Any] = {one.field: one.desired for one in pending if one.tag_id is None}
    notes: Notes = relation.notes
    tags = notes.corp_tag_ids
    for one in pending:
        if one.tag_id is not None:
            others = tuple(tag for tag in tags or () if tag != one.tag_id)
            tags = (*others, one.tag_id) if one.desired is True else others
    shown = Shown(**{name: wanted.get(name, getattr(notes, name)) for name in NOTES}, tag_ids=tags)
    return ShownRelation(relation.userid, relation, shown, pending)
