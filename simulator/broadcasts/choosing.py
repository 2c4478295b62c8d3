"""Whom a group message goes to, and which member is asked to send it.

Source: WeCom server API, group messages (page 92135).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import part, parts, text, texts
from simulator.broadcasts.book import Task
from simulator.chats.book import ChatBook
from simulator.customers.reading import readable
from simulator.customers.subjects import inward
from simulator.errors import ApiError
from simulator.records import Member, Pair
from simulator.statistics.book import DayBook
from simulator.tags.book import TagBook

Json = dict[str, Any]
MOST_CUSTOMERS, MOST_CHATS, MOST_TAGS = 10_000, 2000, 100


def choose_customers(call: Call, asked: Json) -> tuple[dict[str, Task], list[str]]:
    """A task for each member, and the ids that cannot be sent to."""
    listed = texts(asked, "external_userid")
    if len(listed) > MOST_CUSTOMERS:
        raise ApiError(40058, detail="external_userid")
    sender = call.member(text(asked, "sender")) if asked.get("sender") else None
    filters = _filters(call, asked)
    if not (listed or sender or filters):
        raise ApiError(40063, detail="external_userid")
    if listed:
        told = {item: inward(call.corp, call.app, item) for item in dict.fromkeys(listed)}
        chosen = _followers(call, _listed(call, told.values()), sender)
        return _tasks(chosen), [item for item, external_userid in told.items() if external_userid not in chosen]
    members = [sender] if sender else [item for item in call.corp.members.values() if call.sees(item)]
    pairs = (pair for member in members for pair in member.pairs.values())
    return _tasks(_followers(call, (pair for pair in pairs if _matches(call, pair, filters)), sender)), []


def _listed(call: Call, external_userids: Iterable[str]) -> Iterator[Pair]:
    for external_userid in external_userids:
        customer = call.corp.customers.get(external_userid)
        yield from customer.pairs if customer else ()


def _followers(call: Call, pairs: Iterable[Pair], sender: Member | None) -> dict[str, Pair]:
    """For each customer the relation to send by: that of the member who talked last."""
    chosen: dict[str, Pair] = {}
    talks = call.book(DayBook).last_talk

    def recency(pair: Pair) -> tuple[int, int]:
        return talks.get((pair.userid, pair.customer.external_userid), 0), pair.createtime

    asked = [sender] if sender else call.corp.members.values()
    may_send = {item.userid for item in asked if item.serves_customers and call.sees(item)}
    for pair in pairs:
        if pair.userid not in may_send or not readable(call, pair):
            continue
        present = chosen.get(pair.customer.external_userid)
        if present is None or recency(pair) > recency(present):
            chosen[pair.customer.external_userid] = pair
    return chosen


def _tasks(chosen: dict[str, Pair]) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for external_userid, pair in chosen.items():
        tasks.setdefault(pair.userid, Task(pair.userid, [])).targets.append(external_userid)
    return tasks


def _filters(call: Call, asked: Json) -> list[set[str]]:
    """One set of tags for each item: any of them, and something of each set."""
    items = parts(part(asked, "tag_filter"), "group_list")
    filters = [set(texts(item, "tag_list")) for item in items]
    for tags in filters:
        if not tags or len(tags) > MOST_TAGS:
            raise ApiError(40058, detail="tag_list")
        if any(call.book(TagBook).tag(item) is None for item in tags):
            raise ApiError(40068)
    return filters


def _matches(call: Call, pair: Pair, filters: list[set[str]]) -> bool:
    return not filters or all(tags.intersection(call.book(TagBook).seen(pair.tags)) for tags in filters)


def choose_chats(call: Call, asked: Json) -> tuple[dict[str, Task], list[str]]:
    """One task for the owner, who names the chats when the call does not."""
    owner = call.member(text(asked, "sender"))
    listed = texts(asked, "chat_id_list")
    if len(listed) > MOST_CHATS:
        raise ApiError(40058, detail="chat_id_list")
    chats = call.book(ChatBook).chats
    owned = [key for key, chat in chats.items() if chat.state.owner == owner.userid and not chat.state.dismissed_at]
    known = set(owned)
    wanted = [item for item in dict.fromkeys(listed) if item in known] if listed else owned
    failed = [item for item in dict.fromkeys(listed) if item not in known]
    return ({owner.userid: Task(owner.userid, wanted, chooses=not listed)} if wanted else {}), failed
