"""What tests and the page read: the state as it is, not as an app may see it."""

from collections import defaultdict
from typing import Any

from simulator.census import relations
from simulator.records import Corp, Delivery, Pair
from simulator.tags.book import TagBook
from simulator.world import World

Rows = list[dict[str, Any]]


def corp_summary(world: World, corp: Corp) -> dict[str, Any]:
    """Beyond 20,000 relations their number is up to 15 s old."""
    states = relations(world, corp)
    with world.lock:
        return {
            "corp_id": corp.corp_id,
            "name": corp.name,
            "apps": [{"name": app.name, "agent_id": app.agent_id} for app in corp.apps.values()],
            "receivers": [{"url": item.url, "style": item.style} for item in corp.receivers],
            "departments": len(corp.departments),
            "members": len(corp.members),
            "customers": len(corp.customers),
            "pairs": states,
            "messages": len(corp.deliveries),
        }


def _pair_row(pair: Pair, tags: TagBook) -> dict[str, Any]:
    customer = pair.customer
    return {
        "userid": pair.userid,
        "external_userid": customer.external_userid,
        "name": customer.name,
        "type": customer.type,
        "gender": customer.gender,
        "unionid": customer.unionid,
        "state": pair.state,
        "createtime": pair.createtime,
        "remark": pair.remark,
        "description": pair.description,
        "remark_company": pair.remark_company,
        "tags": tags.seen(pair.tags),
        "personal_tags": pair.personal_tags,
        "remark_mobiles": pair.remark_mobiles,
        "add_way": pair.add_way,
        "channel_state": pair.channel,
        "oper_userid": pair.oper_userid,
    }


def pairs(world: World, corp: Corp, *, userid: str = "") -> Rows:
    """All pairs in every state, of one member or of all."""
    with world.lock:
        if userid:
            member = corp.member(userid)
            return [_pair_row(pair, corp.book(TagBook)) for pair in member.pairs.values()] if member else []
        return [
            _pair_row(pair, corp.book(TagBook)) for member in corp.members.values() for pair in member.pairs.values()
        ]


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in Delivery.__slots__}


def messages(world: World, corp: Corp, *, userid: str = "") -> Rows:
    """Deliveries in order, with those that were dropped or suppressed flagged."""
    with world.lock:
        if not userid:
            return [_delivery_row(item) for item in corp.deliveries]
        member = corp.member(userid)
        return [_delivery_row(item) for item in corp.inboxes.get(member.userid, [])] if member else []


def calls(world: World) -> dict[str, dict[str, int]]:
    """path -> errcode, or what failed before the API -> how many."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (path, errcode), count in sorted(world.calls.copy().items()):
        found[path][str(errcode)] = count
    for (path, failure), count in sorted(world.unanswered.copy().items()):
        found[path][failure] = count
    return found
