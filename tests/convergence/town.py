"""One simulated corp as it is in WeCom, as far as choosing who does what needs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OUTLETS = {1: "总部", 2: "一店", 3: "二店"}
MEMBERS = {"LiNa": 2, "WangFang": 2, "ZhangWei": 3, "ZhaoMin": 3, "SunLi": 2}
CUSTOMERS = tuple(f"wmConverge{number:02d}" for number in range(8))
TAGS = ("etTagVip", "etTagNew", "etTagGold")
GROUP = "等级"
HALF, FRIEND, LOST, GONE = "half", "active", "deleted_by_customer", "gone"
READABLE = frozenset({FRIEND, LOST})

Order = dict[str, Any]
PAIR = ("userid", "external_userid")


@dataclass(frozen=True)
class Deed:
    """Something that somebody does; the numbers choose whom, each modulo how many there are."""

    do: str
    a: int = 0
    b: int = 0
    c: int = 0
    wait_s: int = 1
    silent: bool = False


@dataclass
class Chat:
    owner: str
    members: set[str]


@dataclass
class Town:
    """`pairs` are relations; `sight` is the app's visible range, as `POST /sim/corps` takes it.

    `names`: what ids that WeCom makes up are called here, the same in every play of a seed.
    """

    corp_id: str
    secret: str
    contact_sync: str = ""
    members: dict[str, int] = field(default_factory=lambda: dict(MEMBERS))
    resigned: set[str] = field(default_factory=set)
    idle: set[str] = field(default_factory=set)
    outlets: dict[int, str] = field(default_factory=lambda: dict(OUTLETS))
    sight: dict[str, Any] = field(default_factory=dict)
    pairs: dict[tuple[str, str], str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def done(self, order: Order, made: Mapping[str, Any]) -> None:
        """Follow what was done; `made` is WeCom's answer."""
        if order["do"] in FOLLOW:
            FOLLOW[order["do"]](self, order, made)

    def name(self, identity: str, kind: str) -> None:
        self.names.setdefault(identity, f"{kind}{len(self.names):03d}")

    def pair(self, number: int, *states: str) -> Order | None:
        """One of the relations of members in service."""
        found = sorted(pair for pair, state in self.pairs.items() if state in states and pair[0] in self.members)
        if not found:
            return None
        userid, external_userid = found[number % len(found)]
        return {"userid": userid, "external_userid": external_userid}

    def shared_pair(self, number: int) -> tuple[Order, Order] | None:
        """A relation, and another one of the same customer."""
        friends = sorted(pair for pair, state in self.pairs.items() if state == FRIEND and pair[0] in self.members)
        found = [(one, other) for one in friends for other in friends if one[1] == other[1] and one != other]
        if not found:
            return None
        one, other = found[number % len(found)]
        return dict(zip(PAIR, one, strict=True)), dict(zip(PAIR, other, strict=True))

    def member(self, number: int) -> str:
        return sorted(self.members)[number % len(self.members)]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(self.tags.values()))


Follow = Callable[[Town, Order, Mapping[str, Any]], None]


def _state(state: str) -> Follow:
    def follow(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
        town.pairs[order["userid"], order["external_userid"]] = state

    return follow


def _passed_on(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.pairs[order["handover_userid"], order["external_userid"]] = GONE
    town.pairs[order["takeover_userid"], order["external_userid"]] = FRIEND


def _left(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    del town.members[order["userid"]]
    town.resigned.add(order["userid"])


def _came_or_moved(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    if "department" in order:
        town.members[order["userid"]] = order["department"][0]


def _idle(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.idle.add(order["userid"])


def _busy(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.idle.discard(order["userid"])


def _sight(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.sight = order["sight"]


def _party(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.outlets[order["id"]] = order["name"]


def _no_party(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    del town.outlets[order["id"]]


def _tag(town: Town, order: Order, made: Mapping[str, Any]) -> None:
    group_id = order.get("group_id") or made["group_id"]
    town.name(group_id, "group")
    for tag_id in made.get("tag_ids") or [made["tag_id"]]:
        town.name(tag_id, "tag")
        town.tags[tag_id] = group_id


def _no_tag(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    gone = (order.get("tag_id"), order.get("group_id"))
    town.tags = {one: group for one, group in town.tags.items() if one != gone[0] and group != gone[1]}


def _chat(town: Town, order: Order, made: Mapping[str, Any]) -> None:
    town.name(made["chat_id"], "chat")
    town.chats[made["chat_id"]] = Chat(order["owner"], {order["owner"], *order["members"]})


def _joined(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.chats[order["chat_id"]].members |= set(order["members"])


def _quit(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.chats[order["chat_id"]].members -= set(order["members"])


def _owner(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    town.chats[order["chat_id"]].owner = order["userid"]


def _no_chat(town: Town, order: Order, _made: Mapping[str, Any]) -> None:
    del town.chats[order["chat_id"]]


Choose = Callable[[Town, Deed], Order | None]
"""The action, or None when nobody can do it now."""

FOLLOW: dict[str, Follow] = {
    "add": _state(FRIEND),
    "confirm": _state(FRIEND),
    "half_add": _state(HALF),
    "customer_deletes": _state(LOST),
    "member_deletes": _state(GONE),
    "transfer_done": _passed_on,
    "resign": _left,
    "create_user": _came_or_moved,
    "update_user": _came_or_moved,
    "function_off": _idle,
    "function_on": _busy,
    "sight": _sight,
    "create_party": _party,
    "delete_party": _no_party,
    "create_tag_group": _tag,
    "create_tag": _tag,
    "delete_tag": _no_tag,
    "delete_tag_group": _no_tag,
    "create_chat": _chat,
    "join_chat": _joined,
    "leave_chat": _quit,
    "remove_from_chat": _quit,
    "change_owner": _owner,
    "dismiss_chat": _no_chat,
}
