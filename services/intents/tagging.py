"""Which relations of a customer a tag goes to, and which it leaves (TAG-2). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.customers.model import Relation, State
from services.intents.model import TAG, Intent, Wish
from shared.ids import UserId


@dataclass(frozen=True)
class TagWishes:
    """`waiting`: tags that are to be put on, and have no relation yet that could carry them."""

    wishes: tuple[Wish, ...]
    waiting: tuple[str, ...]


def wishes_for_tags(
    relations: Mapping[UserId, Relation],
    assigned: UserId | None,
    open_intents: Iterable[Intent],
    *,
    add: Sequence[str],
    remove: Sequence[str],
) -> TagWishes:
    """Put on at the assigned associate's relation, taken off wherever it is, or is about to be."""
    friends = {userid: one for userid, one in relations.items() if one.state is State.ACTIVE}
    put_on = tuple(dict.fromkeys(add))
    wishes: list[Wish] = []
    if assigned is not None and assigned in friends:
        wishes, put_on = [Wish(assigned, f"{TAG}{one}", True) for one in put_on], ()
    coming = {(one.userid, one.field) for one in open_intents if one.desired is True}
    for tag_id in dict.fromkeys(remove):
        field = f"{TAG}{tag_id}"
        wishes += [
            Wish(userid, field, False)
            for userid, one in sorted(friends.items())
            # What no read has said yet may be there.
            if one.notes.corp_tag_ids is None or tag_id in one.notes.corp_tag_ids or (userid, field) in coming
        ]
    return TagWishes(tuple(wishes), put_on)


def lacks(relation: Relation, tag_id: str, open_intents: Iterable[Intent]) -> bool:
    """Whether putting the tag on would change something; what no read has said yet may be missing."""
    field, known = f"{TAG}{tag_id}", relation.notes.corp_tag_ids
    last = next((one for one in open_intents if (one.userid, one.field) == (relation.userid, field)), None)
    if last is not None:
        return last.desired is not True
    return known is None or tag_id not in known
