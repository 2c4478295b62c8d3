"""The endpoints of application messages: send, recall, statistics, update of a card.

Source: WeCom server API, recall (page 96460), sending statistics (page 92369).
"""

from collections import Counter
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.messages.book import MessageBook, date_of
from simulator.messages.limits import needed
from simulator.messages.sending import send
from simulator.messages.updating import update_template_card

RECALL_WITHIN_S = 24 * 3600


def recall(call: Call) -> dict[str, Any]:
    """Take a message back from everybody; only the app that sent it can (40058), and only for a day (42052)."""
    sent = call.book(MessageBook).sent.get(needed(call.json(), "msgid", 40063))
    if sent is None or sent.agent_id != call.app.agent_id:
        raise ApiError(40058, detail="msgid")
    if call.world.now() >= sent.at + RECALL_WITHIN_S:
        raise ApiError(42052)
    sent.recalled = True
    for delivery in sent.deliveries.values():
        delivery.recalled = True
    return {}


def get_statistics(call: Call) -> dict[str, Any]:
    """Person-times that arrived, by app: today (0) or yesterday (1), in China. All apps of the corp are listed."""
    which = call.json().get("time_type", 0)
    if which not in (0, 1):
        raise ApiError(40058, detail="time_type")
    day = date_of(call.world.now(), days_before=which)
    counts: Counter[int] = Counter()
    for sent in call.book(MessageBook).sent.values():
        if date_of(sent.at) == day:
            counts[sent.agent_id] += sum(not delivery.dropped for delivery in sent.deliveries.values())
    names = {app.agent_id: app.name for app in call.corp.apps.values()}
    return {
        "statistics": [
            {"agentid": agent_id, "app_name": names.get(agent_id, ""), "count": count}
            for agent_id, count in sorted(counts.items())
            if count
        ]
    }


ENDPOINTS = {
    "message/send": Endpoint("POST", send),
    "message/recall": Endpoint("POST", recall),
    "message/get_statistics": Endpoint("POST", get_statistics, {"statistics": []}),
    "message/update_template_card": Endpoint("POST", update_template_card),
}
