"""message/update_template_card: a new face for a card that people have already.

Source: WeCom server API, updating template cards (page 94945), global error codes (page 90313).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.messages import cards
from simulator.messages.book import CardCode, MessageBook
from simulator.messages.limits import needed
from simulator.messages.recipients import check_lengths, resolve
from simulator.messages.rules import Sender, template_card
from simulator.messages.sending import check_agent
from simulator.records import Delivery


def update_template_card(call: Call) -> dict[str, Any]:
    """Spend a response_code. A refused call does not spend it, which is not published."""
    body = call.json()
    check_agent(call, body)
    users, parties, tags = (_names(body, key) for key in ("userids", "partyids", "tagids"))
    check_lengths(users, parties, tags)
    if not (users or parties or tags or body.get("atall") == 1):
        raise ApiError(82101)
    code = _code(call, body)
    reached = code.sent.deliveries
    if body.get("atall") != 1:
        named = resolve(call, users=users, parties=parties, tags=tags).found
        reached = {userid: item for userid, item in reached.items() if userid in named}
    if not reached:
        raise ApiError(82102)
    faces = _faces(call, body, list(reached.values()))
    code.used = True
    for delivery, face in zip(reached.values(), faces, strict=True):
        delivery.displayed = face
    return {"invaliduser": [user.lower() for user in users if user.lower() not in reached]}


def _names(body: dict[str, Any], key: str) -> list[str]:
    names = body.get(key) or []
    if not isinstance(names, list):
        raise ApiError(40058, detail=key)
    return list(dict.fromkeys(str(name) for name in names))


def _code(call: Call, body: dict[str, Any]) -> CardCode:
    """ApiError 60140 when it is unknown, spent or older than 72 hours, 42015 when another app's card has it."""
    code = call.book(MessageBook).code(needed(body, "response_code", 60140), now=call.world.now())
    if code is None:
        raise ApiError(60140)
    if code.sent.agent_id != call.app.agent_id:
        raise ApiError(42015)
    return code


def _faces(call: Call, body: dict[str, Any], reached: list[Delivery]) -> list[dict[str, Any]]:
    """Either the buttons get another caption and cannot be pressed any more, or the whole card is replaced."""
    button, card = body.get("button"), body.get("template_card")
    if isinstance(button, dict) and card is None:
        caption = needed(button, "replace_name", 40063)
        if any(delivery.displayed["card_type"] not in cards.INTERACTIVE for delivery in reached):
            raise ApiError(40058, detail="button")
        return [{**delivery.displayed, "button": {"replace_name": caption}} for delivery in reached]
    if isinstance(card, dict) and button is None:
        return [_new_face(call, card, delivery) for delivery in reached]
    raise ApiError(40058, detail="button or template_card")


def _new_face(call: Call, card: dict[str, Any], delivery: Delivery) -> dict[str, Any]:
    """The new card keeps the old one's task id when it names none."""
    face = template_card(card, Sender.of(call))
    earlier = delivery.displayed.get("task_id")
    face = {"task_id": earlier, **face} if earlier else face
    cards.check_task_id(face)
    return face
