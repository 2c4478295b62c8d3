"""What a read of all corp tags lacks: deleted by an event, by WeCom's word, or only not shown. Pure (TAG-2).

Deleting a group is one event, and its tags vanish without any; deleting a group's last tag takes the group along.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.tags.draft import Draft
from services.tags.model import ObservedGroup, SecondLook
from shared.ids import TagGroupId, TagId

LATER = timedelta(minutes=10)
"""When there was no time for all second looks, the others have theirs then."""


@dataclass(frozen=True)
class Gone:
    """`evidenced`: an event said so, at `at`. `silent`: not even a read by its id says anything of it."""

    at: datetime
    evidenced: bool = False
    silent: bool = False


def gone_tags(draft: Draft, groups: Mapping[TagGroupId, ObservedGroup], shown: Container[TagId]) -> dict[TagId, Gone]:
    """Living tags that the reads lack, as far as that means something; doubts become `unconfirmed`."""
    unread = {group_id for group_id, group in groups.items() if group.tags is None}
    gone = {}
    for tag_id, tag in draft.living(draft.recorded.tags).items():
        if tag_id in shown or tag.group_id in unread:
            continue
        told_at = draft.told(tag, tag_id, tag.group_id)
        if told_at is not None:
            gone[tag_id] = Gone(told_at, evidenced=True)
        elif look := _look(draft, tag.group_id):
            said = look.refused or tag_id in look.deleted
            gone[tag_id] = Gone(draft.observed.observed_at, silent=not said)
    return gone


def gone_groups(draft: Draft, shown: Container[TagGroupId], tags: Mapping[TagId, Gone]) -> dict[TagGroupId, Gone]:
    """Likewise for groups. No group stays empty: where events told of all its tags, it went with the last one."""
    ends: dict[TagGroupId, list[Gone | None]] = {}
    for tag_id, tag in draft.living(draft.recorded.tags).items():
        ends.setdefault(tag.group_id, []).append(tags.get(tag_id))
    gone = {}
    for group_id, group in draft.living(draft.recorded.groups).items():
        if group_id in shown:
            continue
        told_at = draft.told(group, group_id)
        last = [one.at for one in ends.get(group_id, ()) if one is not None and one.evidenced]
        if told_at is not None:
            gone[group_id] = Gone(told_at, evidenced=True)
        elif last and len(last) == len(ends[group_id]):
            gone[group_id] = Gone(max(last), evidenced=True)
        elif look := _look(draft, group_id):
            gone[group_id] = Gone(draft.observed.observed_at, silent=not (look.refused or look.deleted))
    return gone


def _look(draft: Draft, group_id: TagGroupId) -> SecondLook | None:
    """The second look at a group; None when it is still to come, and then nothing is decided."""
    looks = draft.observed.looks
    if looks is None:
        draft.unconfirmed.add(group_id)
        return None
    if group_id not in looks:
        draft.look_again(draft.observed.observed_at + LATER)
        return None
    return looks[group_id]
