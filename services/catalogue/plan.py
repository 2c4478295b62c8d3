"""What becomes of open wishes for the catalogue when a read shows it. Pure (TAG-2).

As for relations (`services.intents.plan`): confirmed when WeCom shows it, superseded when somebody was there whom the
author cannot have seen, else pushed. Wishes are looked at in the order in which they were made, each over what the
ones before it leave: a name that an older wish frees can be taken. In particular:

- Who deletes a tag or a group deletes the one that they saw. One that was renamed in WeCom meanwhile may mean something
  else by now, and a group that got a tag they did not know of is more than they knew: those stand.
- A tag to be made is adopted when its name is in its group already, whoever made it; but not one that a newer wish
  renames or deletes: then it waits for that.
- What a read lacks is left alone until it is recorded as deleted; then a rename ends, and a deletion is confirmed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.catalogue.model import GONE, NAME, NEW, SORT, new_tag, tags_at_stake, target_of, what_of
from services.catalogue.view import OURS, Item, View
from services.intents.model import Intent, IntentState, Settled, Value
from services.intents.plan import EDITED, LOOK_AGAIN_AFTER_S, READ_LAG, Verdict, judge
from services.tags.model import Catalogue, Observed

ABSENT_S = 300.0
"""When to look again at what reads lack and nobody called deleted: perhaps a person is to decide about it."""
MOST_A_CALL = 100
RENAMED = "somebody renamed it in WeCom meanwhile: it may mean something else by now"
JOINED = "somebody added a tag to the group in WeCom meanwhile"
DELETED = "it was deleted in WeCom"
GROUP_DELETED = "the group was deleted in WeCom"


@dataclass(frozen=True)
class WishPlan:
    """`pushes`: what one call each writes, in this order."""

    settled: tuple[Settled, ...] = ()
    pushes: tuple[tuple[Intent, ...], ...] = ()
    again_s: float | None = None


@dataclass
class _Draft:
    view: View
    at: datetime
    lag: timedelta
    leaving: frozenset[str]
    settled: list[Settled] = field(default_factory=list)
    pushes: list[Intent] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)


def plan_wishes(intents: Iterable[Intent], observed: Observed, *, lag: timedelta = READ_LAG) -> WishPlan:
    """Decide about open intents, oldest first; `observed` is a read of all tags that began after their last push."""
    intents = list(intents)
    leaving = frozenset(target_of(one) for one in intents if what_of(one) in (NAME, GONE))
    draft = _Draft(View.of_read(observed), observed.observed_at, lag, leaving)
    for intent in intents:
        verdict = _judge(draft, intent)
        if isinstance(verdict, Settled):
            draft.settled.append(verdict)
            continue
        if verdict is Verdict.PUSH:
            draft.pushes.append(intent)
        elif verdict is Verdict.WAIT:
            draft.waits_s.append(LOOK_AGAIN_AFTER_S)
        else:
            draft.waits_s.append(ABSENT_S)
        draft.view.lay(intent)
    return WishPlan(tuple(draft.settled), tuple(_calls(draft.pushes)), min(draft.waits_s, default=None))


def _judge(draft: _Draft, intent: Intent) -> Settled | Verdict | None:
    """None: a read lacks what it is about, or another wish comes first."""
    if what_of(intent) == NEW:
        return _judge_new(draft, intent)
    item = draft.view.get(target_of(intent))
    if item is None:
        return None
    if what_of(intent) == GONE:
        return _judge_gone(draft, intent, item)
    value: Value | None = item.sort if what_of(intent) == SORT else item.name
    if value is not None:
        return judge(intent, value, at=draft.at, lag=draft.lag)
    if draft.at - intent.created_at < draft.lag:
        return Verdict.WAIT
    return Settled(intent, IntentState.REFUSED, "WeCom does not say what it is now")


def _judge_gone(draft: _Draft, intent: Intent, item: Item) -> Settled | Verdict:
    known = tags_at_stake(intent)
    tags = [] if item.group_id else draft.view.tags_of(item.id)
    if any(one.id not in known for one in tags if not one.id.startswith(OURS)):
        return Settled(intent, IntentState.SUPERSEDED, JOINED)
    name = item.name if item.name is not None else min(map(str, intent.bases), default="")
    return judge(replace(intent, desired=True), name, at=draft.at, lag=draft.lag, edited=RENAMED)


def _judge_new(draft: _Draft, intent: Intent) -> Settled | Verdict | None:
    new = new_tag(intent)
    group = draft.view.group_of(new)
    found = draft.view.tags.get(intent.made_id)
    if found is None and group is not None:
        found = draft.view.named(new.name, group_id=group.id)
    if found is not None:
        if found.id.startswith(OURS) or (found.id in draft.leaving and found.id != intent.made_id):
            return None
        return Settled(intent, IntentState.CONFIRMED, made_id=found.id)
    if group is None and new.group_id:
        return None
    return judge(replace(intent, bases=frozenset()), "", at=draft.at, lag=draft.lag, edited=EDITED)


def _calls(intents: Sequence[Intent]) -> Iterable[tuple[Intent, ...]]:
    """New tags of one group, and deletions, go together where nothing else comes between them."""
    call: list[Intent] = []
    for one in intents:
        if call and (_together(call[-1]) != _together(one) or len(call) == MOST_A_CALL):
            yield tuple(call)
            call = []
        call.append(one)
    if call:
        yield tuple(call)


def _together(intent: Intent) -> tuple[str, ...]:
    if what_of(intent) == NEW:
        new = new_tag(intent)
        return NEW, new.group_id, new.group_name
    if what_of(intent) == GONE:
        return GONE, str(isinstance(intent.desired, str))
    return (intent.field,)


def plan_ended(intents: Iterable[Intent], recorded: Catalogue, *, settled: Collection[int]) -> list[Settled]:
    """Wishes about what is recorded as deleted; `settled`: ids of intents that have ended already."""
    tombs: set[str] = {one for one, tag in recorded.tags.items() if tag.deleted_at is not None}
    tombs |= {one for one, group in recorded.groups.items() if group.deleted_at is not None}
    ended = []
    for one in intents:
        group_id = new_tag(one).group_id if what_of(one) == NEW else ""
        if one.id in settled or not ({target_of(one), group_id} & tombs):
            continue
        if what_of(one) == GONE:
            ended.append(Settled(one, IntentState.CONFIRMED))
        else:
            why = GROUP_DELETED if what_of(one) == NEW else DELETED
            ended.append(Settled(one, IntentState.SUPERSEDED, why))
    return ended
