"""New chats, and the people who come into them: members, customers, and strangers who are nobody's customer."""

import base64
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulator import names, orders
from simulator.acting import ImpossibleError
from simulator.chats.book import EXTERNAL, MEMBER, Chat, ChatBook, ChatMember, ChatState, JoinScene
from simulator.population import invent
from simulator.records import Corp, Customer, Member


def new_chat(corp: Corp, state: ChatState, dice: random.Random, *, create_time: int, visible_at: float) -> Chat:
    chat_id = _unused("wrSimCAAAA", corp.book(ChatBook).chats, dice)
    opengid = _unused("oGSim", corp.book(ChatBook).opengids, dice)
    chat = Chat(chat_id, create_time, opengid, [(visible_at, state)])
    corp.book(ChatBook).add(chat)
    return chat


def _unused(prefix: str, taken: Iterable[str], dice: random.Random) -> str:
    while True:
        found = f"{prefix}{base64.urlsafe_b64encode(dice.randbytes(18)).decode()[:22]}"
        if found not in taken:
            return found


def owner_of(corp: Corp, userid: Any) -> Member:
    member = corp.member(str(userid or ""))
    if member is None or member.resigned:
        raise ImpossibleError(f"no such member in service: {userid!r}")
    return member


@dataclass(frozen=True)
class Newcomer:
    """What can be said of somebody who comes in; `type` 1 is a WeChat user, 2 a WeCom user."""

    userid: str = ""
    name: str | None = None
    unionid: str | None = None
    type: int = 1
    group_nickname: str = ""

    def __post_init__(self) -> None:
        if self.type not in (1, 2):
            raise ValueError("type is 1 or 2")


def id_of(corp: Corp, person: Any) -> str:
    """The id that somebody is told by, as the corp spells it; "" for a stranger without one."""
    told = person if isinstance(person, str) else orders.parse(Newcomer, person).userid
    member = corp.member(told)
    return member.userid if member else told


def newcomers(
    corp: Corp, people: list[Any], *, at: int, scene: int = JoinScene.INVITED, invitor: str = "", state: str = ""
) -> list[ChatMember]:
    """Each is an id or an object with `userid`, `name`, `unionid`, `type` or `group_nickname`.

    Whoever is unknown becomes a stranger. ImpossibleError when somebody who left is to come.
    """
    for person in people:
        if corp.member(id_of(corp, person)):
            owner_of(corp, id_of(corp, person))
    by = invitor if scene != JoinScene.QR_CODE else ""
    found = []
    for person in people:
        said = {} if isinstance(person, str) else person
        userid, kind = _identify(corp, {**said, "userid": id_of(corp, person)})
        nickname = str(said.get("group_nickname", ""))
        found.append(ChatMember(userid, kind, at, scene, by, nickname, state if kind == EXTERNAL else ""))
    return found


def _identify(corp: Corp, said: dict[str, Any]) -> tuple[str, int]:
    if corp.member(said["userid"]):
        return said["userid"], MEMBER
    if said["userid"] in corp.customers:
        return said["userid"], EXTERNAL
    return stranger(corp, random.Random(), said).external_userid, EXTERNAL


def stranger(corp: Corp, dice: random.Random, said: dict[str, Any]) -> Customer:
    """An external contact whom no member has as a friend."""
    name = str(said["name"]) if "name" in said else names.person(dice)
    customer = invent(corp, dice, name=name, kind=int(said.get("type", 1)))
    customer.external_userid = str(said.get("userid") or customer.external_userid)
    customer.unionid = str(said.get("unionid", customer.unionid))
    corp.customers[customer.external_userid] = customer
    return customer
