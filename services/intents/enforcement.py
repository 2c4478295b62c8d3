"""Tags that a rule enforces: who takes one off sees it come back, and that is told as drift. Pure (TAG-2, TAG-5).

Authority of such a tag is ours, on the relations that the rule means; everything else about tags stays shared.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from services.customers.choice import Choice, chooses
from services.customers.model import Relation, RelationFact
from services.intents.model import TAG, IntentState
from shared.errors import TerminalError
from shared.ids import ExternalUserId, UserId


class RuleRefusedError(TerminalError):
    """No such rule can be; the text says why."""


@dataclass(frozen=True)
class TagRule:
    """`choice` says on which relations the tag is kept on."""

    id: int
    name: str
    tag_id: str
    choice: Choice
    author: str
    reason: str | None
    made_at: datetime

    @property
    def caused_by(self) -> str:
        return f"rule:{self.id}"


@dataclass(frozen=True, kw_only=True)
class RelationTagDrift(RelationFact):
    """Somebody took a tag off in WeCom that the rule `rule_id` enforces: it comes back."""

    TYPE: ClassVar[str] = "relation_tag_drift"
    tag_id: str
    rule_id: int


@dataclass(frozen=True)
class Last:
    """How the latest intent of a rule for one field of a relation ended."""

    state: IntentState
    created_at: datetime
    settled_at: datetime


@dataclass(frozen=True)
class Missing:
    """A tag that is to be put on again. `drift`: it was on before."""

    userid: UserId
    rule: TagRule
    drift: bool

    @property
    def field(self) -> str:
        return f"{TAG}{self.rule.tag_id}"

    def fact(self, external_userid: ExternalUserId, *, at: datetime) -> RelationTagDrift:
        return RelationTagDrift(
            occurred_at=at,
            userid=self.userid,
            external_userid=external_userid,
            tag_id=self.rule.tag_id,
            rule_id=self.rule.id,
        )


@dataclass(frozen=True)
class EnforcementPlan:
    """`again_at`: what WeCom does not keep is tried again then."""

    missing: tuple[Missing, ...] = ()
    again_at: datetime | None = None


def plan_enforcement(
    rules: Sequence[TagRule],
    before: Mapping[UserId, Relation],
    after: Mapping[UserId, Relation],
    *,
    outlets: Mapping[UserId, int | None],
    wanted: Collection[tuple[UserId, str]],
    last: Mapping[tuple[UserId, str], Last],
    at: datetime,
    rest: timedelta,
) -> EnforcementPlan:
    """Which tags of one contact's relations are to come back.

    `wanted`: fields with an open intent, which goes first. What WeCom refused stays refused until the rule is made
    anew; what it accepted and did not keep is tried again after `rest`, so that no two sides take turns.
    """
    missing: dict[tuple[UserId, str], Missing] = {}
    waits: list[datetime] = []
    for userid, rule in _lacking(rules, after, outlets=outlets):
        found = Missing(userid, rule, _had(before.get(userid), rule.tag_id))
        place = (userid, found.field)
        if place in wanted or place in missing:
            continue
        ended = last.get(place)
        if ended is not None and ended.created_at >= rule.made_at:
            if ended.state is IntentState.REFUSED and not _is_of_a_former(after[userid], ended):
                continue
            if ended.state is IntentState.SUPERSEDED and at - ended.settled_at < rest:
                waits.append(ended.settled_at + rest)
                continue
        missing[place] = found
    return EnforcementPlan(tuple(missing.values()), min(waits, default=None))


def _lacking(
    rules: Sequence[TagRule], relations: Mapping[UserId, Relation], *, outlets: Mapping[UserId, int | None]
) -> Iterable[tuple[UserId, TagRule]]:
    for userid, relation in sorted(relations.items()):
        for rule in rules:
            tags = relation.notes.corp_tag_ids
            if tags is None or rule.tag_id in tags:
                continue
            if chooses(rule.choice, relation, outlets=outlets, assigned=None):
                yield userid, rule


def _is_of_a_former(relation: Relation, ended: Last) -> bool:
    """Whether it ended before the present friendship began: what was refused then says nothing of it."""
    present = relation.present
    return present is not None and present.started_at is not None and ended.settled_at < present.started_at


def _had(relation: Relation | None, tag_id: str) -> bool:
    return relation is not None and tag_id in (relation.notes.corp_tag_ids or ())


def keeping(
    rules: Sequence[TagRule], relation: Relation, tag_id: str, *, outlets: Mapping[UserId, int | None]
) -> TagRule | None:
    """The rule that keeps the tag on the relation, if any."""
    mine = (rule for rule in rules if rule.tag_id == tag_id)
    return next((rule for rule in mine if chooses(rule.choice, relation, outlets=outlets, assigned=None)), None)


def check_rule(name: str, tag_id: str, choice: Choice, *, tag_known: bool) -> None:
    """
    Raises:
        RuleRefusedError: it could not be kept.
    """
    if not name.strip():
        raise RuleRefusedError("a rule needs a name")
    if not tag_known:
        raise RuleRefusedError(f"no corp tag {tag_id}; WeCom may have deleted it")
    if choice.assigned:
        raise RuleRefusedError("a rule cannot ask whom the customer is assigned to")
    if choice.chats:
        raise RuleRefusedError("a rule cannot ask in which chats the customer is")
    if tag_id in choice.no_tags:
        raise RuleRefusedError(f"a rule cannot keep {tag_id} on relations without it")
