"""What the page shows of a corp: always a few, found without walking all of them."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from simulator import inspection
from simulator.activity import Activity
from simulator.chats.book import Chat, ChatBook
from simulator.records import Corp, Customer, Delivery, Member, Pair
from simulator.tags.book import TagBook
from simulator.transfers.book import TransferBook
from simulator.world import World

MOST = 50
FEW = 20
# A name is looked for among so many customers, the latest first.
SEARCHED = 200_000
Row = dict[str, Any]


def corp_view(world: World, corp: Corp, activity: Activity, *, whom: str, who: str) -> Row:
    """`whom` is searched among the customers, `who` among the members. The lock is held."""
    members = _members(corp, who)
    return {
        "members_total": len(corp.members),
        "customers_total": len(corp.customers),
        "members": [_member_row(corp, item) for item in members],
        "more_members": len(corp.members) - len(members),
        "serving": list(islice(_serving(corp), MOST)),
        "customers": [_customer_row(corp, item) for item in customers(corp, whom)],
        "searched_all": len(corp.customers) <= SEARCHED,
        "chats": [_chat_row(world, corp, item) for item in _chats(corp)],
        "chat_count": len(corp.book(ChatBook).chats),
        "tag_groups": [(group.name, [tag.name for tag in group.living()[:MOST]]) for group in _tag_groups(corp)],
        "transfers": list(islice(corp.book(TransferBook).waiting.values(), FEW)),
        "inboxes": list(_inboxes(corp, members)),
        "per_minute": activity.rate(corp.corp_id),
    }


def _members(corp: Corp, who: str) -> list[Member]:
    wanted = who.strip().lower()
    return list(
        islice((item for key, item in corp.members.items() if wanted in key or wanted in item.name.lower()), MOST)
    )


def _serving(corp: Corp) -> Iterator[Member]:
    return (item for item in corp.members.values() if item.serves_customers)


def _member_row(corp: Corp, member: Member) -> Row:
    where = [corp.departments[item].name for item in member.departments if item in corp.departments]
    return {
        "userid": member.userid,
        "name": member.name,
        "where": "、".join(where),
        "serves": member.serves_customers,
        "resigned": member.resigned,
        "relations": len(member.pairs),
        "messages": len(corp.inboxes.get(member.userid, ())),
    }


def customers(corp: Corp, whom: str) -> list[Customer]:
    """By id, or by part of the name or id; without a search those touched last."""
    wanted = whom.strip()
    if wanted in corp.customers:
        return [corp.customers[wanted]]
    latest = islice(reversed(corp.customers.values()), SEARCHED)
    if wanted:
        low = wanted.lower()
        return list(
            islice((item for item in latest if low in item.name.lower() or wanted in item.external_userid), MOST)
        )
    touched = {pair.customer.external_userid: pair.customer for pair in reversed(corp.recent)}
    for item in islice(latest, MOST):
        touched.setdefault(item.external_userid, item)
    return list(islice(touched.values(), MOST))


def _customer_row(corp: Corp, customer: Customer) -> Row:
    return {
        "name": customer.name,
        "external_userid": customer.external_userid,
        "type": customer.type,
        "unionid": customer.unionid,
        "pairs": [_pair_row(corp, pair) for pair in customer.pairs[:MOST]],
    }


def _pair_row(corp: Corp, pair: Pair) -> Row:
    book, member = corp.book(TagBook), corp.member(pair.userid)
    return {
        "userid": pair.userid,
        "member": member.name if member else pair.userid,
        "state": pair.state.value,
        "readable": pair.readable,
        "remark": pair.remark,
        "tags": [book.face(tag_id)[1] for tag_id in book.seen(pair.tags)],
        "channel": pair.channel,
        "in_service": member is not None and not member.resigned,
    }


def _chats(corp: Corp) -> Iterable[Chat]:
    return islice(reversed(corp.book(ChatBook).chats.values()), FEW)


def _chat_row(world: World, corp: Corp, chat: Chat) -> Row:
    state = chat.state
    return {
        "chat_id": chat.chat_id,
        "name": state.name,
        "owner": state.owner,
        "count": len(state.members),
        "status": chat.status(corp).name,
        "dismissed": bool(state.dismissed_at),
        "shown": chat.seen(world.now()) is state,
    }


def _tag_groups(corp: Corp) -> list[Any]:
    return corp.book(TagBook).living()[:FEW]


def _inboxes(corp: Corp, members: list[Member]) -> Iterator[tuple[Member, list[Row]]]:
    for member in members:
        found = corp.inboxes.get(member.userid, [])
        if found:
            yield member, [card(item) for item in islice(reversed(found), 3)]


def card(delivery: Delivery) -> Row:
    """A message as the member would see it, whatever its type."""
    shown = delivery.displayed
    articles = shown.get("articles") or [{}]
    main = shown.get("main_title") or {}
    title = shown.get("title") or articles[0].get("title") or main.get("title") or ""
    text = shown.get("content") or shown.get("description") or articles[0].get("description") or main.get("desc") or ""
    marks = ("dropped", "duplicate", "recalled")
    url = str(shown.get("url") or (shown.get("card_action") or {}).get("url") or "")
    return {
        "title": title,
        "text": text or ("" if title else f"[{delivery.msgtype}]"),
        "more": (shown.get("btntxt") or "详情") if url.startswith(("http://", "https://")) else "",
        "url": url,
        "msgtype": delivery.msgtype,
        "at": clock_text(delivery.at),
        "marks": [mark for mark in marks if getattr(delivery, mark)],
    }


def clock_text(at: float) -> str:
    """In China's time, as members see it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at + 8 * 3600))


def world_view(world: World) -> Row:
    """What belongs to no corp. The lock is held."""
    rates = world.rates.last_minute()
    return {
        "now": clock_text(world.now()),
        "offset_s": round(world.offset_s),
        "calls": {path: (codes, rates.get(path, 0)) for path, codes in inspection.calls(world).items()},
        "callbacks": world.callbacks.report(),
        "faults": _faults(world),
    }


def _faults(world: World) -> list[tuple[str, Any]]:
    """Only what differs from no faults."""
    shown = world.faults.shown()
    callbacks = shown.pop("callbacks")
    quiet = (0, 0.0, (0.0, 0.0))
    found = [(f"callbacks.{name}", value) for name, value in callbacks.items() if value not in quiet]
    return found + [(name, value) for name, value in shown.items() if value]
