"""Many chats at once, silently, for load: no callback tells of them and no lag hides them."""

import random

from simulator import names
from simulator.acting import Order, Outcome
from simulator.chats.book import EXTERNAL, MEMBER, ChatMember, ChatState, JoinScene
from simulator.chats.making import new_chat, owner_of, stranger
from simulator.records import Corp, Member
from simulator.world import World

KEYS = frozenset({"count", "owners", "members", "name_prefix", "seed", "ids"})


def make_chats(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """`count` chats, owned in turn by `owners`, each with `members` people besides the owner.

    They are the owner's friends as far as there are enough, then strangers. `ids` true answers the chat ids.
    """
    unknown = order.keys() - KEYS
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    dice = random.Random(order.get("seed"))
    owners = [owner_of(corp, userid) for userid in order["owners"]]
    size, prefix = int(order.get("members", 0)), str(order.get("name_prefix", ""))
    friends = {owner.userid: [key for key, pair in owner.pairs.items() if pair.readable] for owner in owners}
    made = []
    for number in range(int(order["count"])):
        owner = owners[number % len(owners)]
        name = f"{prefix}{number + 1}" if prefix else names.person(dice)
        state = _full(corp, ChatState(owner.userid, name), owner, friends[owner.userid], dice, size=size, at=at)
        made.append(new_chat(corp, state, dice, create_time=at, visible_at=0).chat_id)
    return Outcome({"count": len(made), **({"chat_id": made} if order.get("ids") else {})})


def _full(
    corp: Corp, state: ChatState, owner: Member, friends: list[str], dice: random.Random, *, size: int, at: int
) -> ChatState:
    coming = dice.sample(friends, min(size, len(friends)))
    coming += [stranger(corp, dice, {}).external_userid for _ in range(size - len(coming))]
    people = [ChatMember(owner.userid, MEMBER, at)]
    people += [ChatMember(item, EXTERNAL, at, JoinScene.INVITED, owner.userid) for item in coming]
    return state.with_members(people)
