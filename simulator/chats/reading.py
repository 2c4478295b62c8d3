"""List the chats, show one of them, and find one by a mini-program's id.

Source: WeCom server API, list of customer groups (page 92120), details (page 92122), opengid (page 94822).
"""

from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call
from simulator.api.fields import flag, number, part, text, texts
from simulator.chats.book import EXTERNAL, MEMBER, Chat, ChatBook, ChatMember, Status
from simulator.chats.finding import chat_of
from simulator.chats.settings import ChatSettings
from simulator.customers.subjects import is_provider, outward
from simulator.errors import ApiError
from simulator.records import Member

MOST_OWNERS, MOST_ROWS = 100, 1000
LEFT_OWNER = frozenset({Status.LEFT, Status.INHERITING})


def list_chats(call: Call) -> dict[str, Any]:
    asked = call.json()
    limit = asked.get("limit")
    if limit is None:
        raise ApiError(40063, detail="limit")
    if type(limit) is not int or not 1 <= limit <= MOST_ROWS:
        raise ApiError(40058, detail="limit")
    status = number(asked, "status_filter")
    if status not in list(Status):
        raise ApiError(40058, detail="status_filter")
    owners = _owners(call, asked)
    chats = _listed(call, owners=owners, status=status)
    if status:
        chats = [chat for chat in chats if chat.status(call.corp) == status]
    bound_to = cursors.bound(call, "groupchat/list", status, sorted(owners))
    page, next_cursor = cursors.page(chats, cursor=asked.get("cursor"), limit=limit, bound_to=bound_to)
    rows = [{"chat_id": chat.chat_id, "status": int(chat.status(call.corp))} for chat in page]
    return {"group_chat_list": rows, "next_cursor": next_cursor}


def _owners(call: Call, asked: dict[str, Any]) -> set[str]:
    """The owners asked for, as the corp spells them; nobody when there is no filter."""
    listed = texts(part(asked, "owner_filter"), "userid_list")
    if len(listed) > MOST_OWNERS:
        raise ApiError(40058, detail="userid_list")
    settings = call.settings(ChatSettings)
    if not listed:
        scope = sum(not item.resigned and call.sees(item) for item in call.corp.members.values())
        if scope > settings.most_unfiltered:
            raise ApiError(81017)
    owners = set()
    for userid in listed:
        member = call.corp.member(userid)
        if member is None or (member.resigned and settings.left_owner_is_refused):
            raise ApiError(40003)
        owners.add(member.userid)
    return owners


def _listed(call: Call, *, owners: set[str], status: int) -> list[Chat]:
    """The chats of these owners, or of all in scope. See ChatSettings for owners who left."""
    now, settings = call.world.now(), call.settings(ChatSettings)
    left_too = bool(owners) or (settings.left_owner_is_refused and status in LEFT_OWNER)

    def counts(owner: Member) -> bool:
        return owner.has_customer_contact and call.sees(owner) and (left_too or not owner.resigned)

    listed = {item.userid for item in call.corp.members.values() if counts(item)}
    listed &= owners or listed
    found = []
    for chat in call.book(ChatBook).chats.values():
        state = chat.seen(now)
        if state is None or state.owner not in listed:
            continue
        if not state.dismissed_at or now < state.dismissed_at + settings.dismissed_listed_s:
            found.append(chat)
    return found


def get_chat(call: Call) -> dict[str, Any]:
    asked = call.json()
    chat, state = chat_of(call, asked.get("chat_id"))
    with_names = flag(asked, "need_name")
    members = [_member_view(call, item, with_name=with_names) for item in state.members.values()]
    return {
        "group_chat": {
            "chat_id": chat.chat_id,
            "name": state.name,
            "owner": state.owner,
            "create_time": chat.create_time,
            "notice": state.notice,
            "member_list": members,
            "admin_list": [{"userid": userid} for userid in state.admins],
            "member_version": state.member_version,
        }
    }


def _member_view(call: Call, member: ChatMember, *, with_name: bool) -> dict[str, Any]:
    """unionid, invitor, state and name are absent, not empty, when they do not apply."""
    view: dict[str, Any] = {"userid": outward(call, member.userid), "type": member.type}
    customer = call.corp.customers.get(member.userid) if member.type == EXTERNAL else None
    if customer is not None and customer.unionid and customer.type == 1 and not is_provider(call.app):
        view["unionid"] = customer.unionid
    view |= {"join_time": member.join_time, "join_scene": int(member.join_scene)}
    if member.invitor:
        view["invitor"] = {"userid": member.invitor}
    if member.state:
        view["state"] = member.state
    view["group_nickname"] = member.group_nickname
    if with_name:
        person = call.corp.member(member.userid) if member.type == MEMBER else customer
        view["name"] = person.name if person else ""
    return view


def opengid_to_chatid(call: Call) -> dict[str, Any]:
    opengid = text(call.json(), "opengid")
    if not opengid:
        raise ApiError(40063, detail="opengid")
    chat_id = call.book(ChatBook).opengids.get(opengid)
    if chat_id is None:
        raise ApiError(90511)
    return {"chat_id": chat_of(call, chat_id)[0].chat_id}
