"""Which relations of a customer a tag goes to, and which it leaves (TAG-2). Pure."""

from collections.abc import Iterable, Mapping, Sequence

from services.customers.model import Relation, State
from services.intents.model import TAG, Intent, Wish, WishRefusedError
from shared.ids import UserId


def wishes_for_tags(
    relations: Mapping[UserId, Relation],
    assigned: UserId | None,
    open_intents: Iterable[Intent],
    *,
    add: Sequence[str],
    remove: Sequence[str],
) -> list[Wish]:
    """Put on at the assigned associate's relation, taken off wherever it is, or is about to be.

    Raises:
        WishRefusedError: nobody is their friend, so there is no relation that a tag could sit on.
    """
    friends = {userid: one for userid, one in relations.items() if one.state is State.ACTIVE}
    if add and (assigned is None or assigned not in friends):
        raise WishRefusedError("this customer has no associate as a WeCom friend: there is nothing a tag could sit on")
    assert assigned is not None or not add
    wishes = [Wish(assigned, f"{TAG}{one}", True) for one in dict.fromkeys(add) if assigned is not None]
    coming = {(one.userid, one.field) for one in open_intents if one.desired is True}
    for tag_id in dict.fromkeys(remove):
        field = f"{TAG}{tag_id}"
        wishes += [
            Wish(userid, field, False)
            for userid, one in sorted(friends.items())
            # What no read has said yet may be there.
            if one.notes.corp_tag_ids is None or tag_id in one.notes.corp_tag_ids or (userid, field) in coming
        ]
    return wishes
