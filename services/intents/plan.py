"""What becomes of the open intents of one contact when a read shows how its relations stand. Pure.

- WeCom shows what is wanted: confirmed, whoever made it so.
- It shows something else than the author saw: an associate was there meanwhile. Their edit stands; superseded.
- It shows what the author saw: pushed, once. A push whose answer was lost is repeated when a read does not show it.
- WeCom accepted it and does not show it: its read may be behind for a while; after that somebody has undone it.

So an intent is pushed at most once, and once more for every answer that was lost; and two sides cannot take turns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.customers.model import Observed, ObservedRelation
from services.intents.model import (
    COMPANY,
    LONGEST_PHONE,
    NOTES,
    PHONES,
    TEXTS,
    WECHAT_USER,
    WITHDRAWN,
    Intent,
    IntentState,
    Settled,
    Value,
    Wish,
    WishRefusedError,
    compared,
    shown,
)
from shared.ids import UserId

EDITED = "somebody edited it in WeCom meanwhile"
UNDONE = "WeCom accepted it and does not show it: somebody has undone it, or WeCom does not keep such a value"
LOOK_AGAIN_AFTER_S = 2.0
READ_LAG = timedelta(minutes=1)
"""How long a read may be behind an accepted write (not published; see the setting `write_lag_s`)."""


@dataclass(frozen=True)
class Push:
    """What is to be written to one relation now."""

    userid: UserId
    intents: tuple[Intent, ...]

    @property
    def mark(self) -> tuple[str, ...]:
        return tuple(str(one.tag_id) for one in self.intents if one.tag_id is not None and one.desired is True)

    @property
    def unmark(self) -> tuple[str, ...]:
        return tuple(str(one.tag_id) for one in self.intents if one.tag_id is not None and one.desired is False)

    @property
    def notes(self) -> Mapping[str, Value]:
        """Field -> what it is to be, of those that are no tags."""
        return {one.field: one.desired for one in self.intents if one.field in NOTES}


@dataclass(frozen=True)
class IntentPlan:
    """`again_s`: some are waited for; in how many seconds to look again."""

    settled: tuple[Settled, ...] = ()
    pushes: tuple[Push, ...] = ()
    again_s: float | None = None


@dataclass
class _Draft:
    settled: list[Settled] = field(default_factory=list)
    pushes: dict[UserId, list[Intent]] = field(default_factory=dict)
    waits: bool = False


class Verdict(StrEnum):
    """What is to be done about an intent that goes on."""

    PUSH = "push"
    WAIT = "wait"


def plan_intents(
    intents: Iterable[Intent], observed: Observed, *, lag: timedelta = READ_LAG, dead: Collection[str] = ()
) -> IntentPlan:
    """Decide about open intents; `observed` is a complete read that began after their last push.

    `lag`: how long a read may be behind an accepted write, or behind a friendship's start. `dead`: ids of deleted tags.
    """
    draft = _Draft()
    relations = {one.userid: one for one in observed.relations}
    for intent in intents:
        if intent.tag_id is not None and intent.tag_id in dead:
            draft.settled.append(_without_tag(intent))
        else:
            _plan(draft, intent, relations.get(intent.userid), at=observed.observed_at, lag=lag)
    return IntentPlan(
        tuple(draft.settled),
        tuple(Push(userid, tuple(found)) for userid, found in sorted(draft.pushes.items())),
        LOOK_AGAIN_AFTER_S if draft.waits else None,
    )


def _without_tag(intent: Intent) -> Settled:
    """A deleted tag is on nobody."""
    if intent.desired is True:
        return Settled(intent, IntentState.SUPERSEDED, "the tag was deleted in WeCom")
    return Settled(intent, IntentState.CONFIRMED)


def _plan(draft: _Draft, intent: Intent, relation: ObservedRelation | None, *, at: datetime, lag: timedelta) -> None:
    value = None if relation is None else shown(relation, intent.field)
    verdict: Settled | Verdict
    if value is not None:
        verdict = judge(intent, value, at=at, lag=lag)
    elif at - intent.created_at < lag:
        verdict = Verdict.WAIT  # a new friend may not show yet
    else:
        verdict = Settled(intent, IntentState.REFUSED, "they are not friends in WeCom")
    if isinstance(verdict, Settled):
        draft.settled.append(verdict)
    elif verdict is Verdict.PUSH:
        draft.pushes.setdefault(intent.userid, []).append(intent)
    else:
        draft.waits = True


def judge(intent: Intent, value: Value, *, at: datetime, lag: timedelta, edited: str = EDITED) -> Settled | Verdict:
    """What becomes of an intent whose field a read at `at` shows as `value`; `edited`: how it says who was there."""
    if value == compared(intent.desired):
        return Settled(intent, IntentState.CONFIRMED)
    if intent.bases and value not in intent.bases:
        return Settled(intent, IntentState.SUPERSEDED, edited)
    if intent.accepted_at is None:
        return Settled(intent, IntentState.SUPERSEDED, WITHDRAWN) if intent.withdrawn else Verdict.PUSH
    return Verdict.WAIT if at - intent.accepted_at < lag else Settled(intent, IntentState.SUPERSEDED, UNDONE)


def refused(intents: Sequence[Intent], *, code: int, why: str) -> list[Settled]:
    """WeCom refused a push for good."""
    return [Settled(one, IntentState.REFUSED, why, code) for one in intents]


def check_wish(wish: Wish, relation_state: str | None, *, tag_known: bool, contact_type: int | None = None) -> None:
    """
    Raises:
        WishRefusedError: WeCom could only refuse it.
    """
    if relation_state is None:
        raise WishRefusedError(f"{wish.userid} is no friend of this customer")
    if relation_state != "active":
        raise WishRefusedError(f"{wish.userid} and this customer are not friends any more ({relation_state})")
    if wish.field in TEXTS:
        _check_text(wish.field, wish.desired)
        if wish.field == COMPANY and contact_type not in (None, WECHAT_USER):
            raise WishRefusedError(f"{COMPANY}: this customer uses WeCom, which shows their own company")
    elif wish.field == PHONES:
        _check_phones(wish.desired)
    elif not tag_known:
        raise WishRefusedError(f"no corp tag {wish.field.partition(':')[2]}; WeCom may have deleted it")


def _check_text(name: str, value: Value) -> None:
    most = TEXTS[name]
    if not isinstance(value, str):
        raise WishRefusedError(f"{name} is a text")
    if len(value) > most:
        raise WishRefusedError(f"{name} has {len(value)} characters; WeCom takes {most}")


def _check_phones(value: Value) -> None:
    if not isinstance(value, tuple):
        raise WishRefusedError(f"{PHONES} is a list")
    wrong = [at for at, one in enumerate(value, start=1) if not one.strip() or len(one) > LONGEST_PHONE]
    if wrong:
        raise WishRefusedError(f"{PHONES}: number {wrong[0]} is empty or has more than {LONGEST_PHONE} characters")
