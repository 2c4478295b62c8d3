"""What members do with an app in the client: open it, use its menu, write to it, press the buttons of its cards.

Source: WeCom server API, messages and events of an app (pages 90239 and 90240).
"""

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.events import app_event, app_message
from simulator.messages import clicks
from simulator.messages.book import MessageBook, Sent
from simulator.records import App, Corp, Delivery, Member
from simulator.world import World


def _text(order: Order, key: str) -> str:
    value = order.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is missing")
    return value


def _known(order: Order, *keys: str) -> None:
    unknown = order.keys() - set(keys)
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")


def _member(corp: Corp, order: Order) -> Member:
    member = corp.member(_text(order, "userid"))
    if member is None or member.resigned:
        raise ImpossibleError(f"no such member in service: {order['userid']!r}")
    return member


def _app(corp: Corp, order: Order, member: Member) -> App:
    """The app named by `agent_id`, or the corp's first; the member must be in its scope to have it at all."""
    wanted = order.get("agent_id")
    app = next((item for item in corp.apps.values() if wanted is None or item.agent_id == int(wanted)), None)
    if app is None or not corp.in_scope(app, member):
        raise ImpossibleError(f"{member.userid!r} has no app {wanted if wanted is not None else ''}")
    return app


def enter_agent(_: World, corp: Corp, order: Order, at: int) -> Outcome:
    _known(order, "userid", "agent_id")
    member = _member(corp, order)
    app = _app(corp, order, member)
    event = app_event(
        corp.corp_id,
        "enter_agent",
        userid=member.userid,
        agent_id=app.agent_id,
        at=at,
        fields=(("EventKey", ""),),
    )
    return Outcome({"agent_id": app.agent_id}, (event,))


def click_menu(_: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Press the menu's button with this key; menus themselves are not simulated, so any key will do."""
    _known(order, "userid", "agent_id", "key")
    member = _member(corp, order)
    app = _app(corp, order, member)
    event = app_event(
        corp.corp_id,
        "click",
        userid=member.userid,
        agent_id=app.agent_id,
        at=at,
        fields=(("EventKey", _text(order, "key")),),
    )
    return Outcome({"agent_id": app.agent_id}, (event,))


def send_text(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Write to the app. The MsgId is beyond 2^53, as WeCom's are."""
    _known(order, "userid", "agent_id", "content")
    member = _member(corp, order)
    app = _app(corp, order, member)
    msgid = 7_350_000_000_000_000_000 + world.next_sequence()
    event = app_message(
        corp.corp_id,
        "text",
        userid=member.userid,
        agent_id=app.agent_id,
        at=at,
        fields=(("Content", _text(order, "content")), ("MsgId", msgid)),
    )
    return Outcome({"agent_id": app.agent_id, "msgid": str(msgid)}, (event,))


def _card(corp: Corp, order: Order, member: Member) -> tuple[Sent, Delivery]:
    """The member's own copy, found by `msgid`, or by `task_id` (with `agent_id` when two apps use the same)."""
    book = corp.book(MessageBook)
    msgid = order.get("msgid")
    if not msgid:
        task_id, agent = _text(order, "task_id"), order.get("agent_id")
        msgid = next(
            (found for (app, task), found in book.task_ids.items() if task == task_id and agent in (None, app)), ""
        )
    sent = book.sent.get(str(msgid))
    delivery = sent.deliveries.get(member.userid.lower()) if sent else None
    if sent is None or delivery is None or delivery.dropped or delivery.recalled:
        raise ImpossibleError(f"{member.userid!r} has no such card")
    return sent, delivery


def click_card(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Press a button, submit a choice or use the menu of a card; `selected` is question_key -> option id or ids."""
    _known(order, "userid", "agent_id", "msgid", "task_id", "key", "selected")
    member = _member(corp, order)
    sent, delivery = _card(corp, order, member)
    if delivery.msgtype != "template_card":
        raise ImpossibleError("that message is no template card")
    click = clicks.click(delivery.displayed, _text(order, "key"), order.get("selected") or {})
    code = corp.book(MessageBook).issue_code(sent, now=world.now())
    event = app_event(
        corp.corp_id,
        click.event,
        userid=member.userid,
        agent_id=sent.agent_id,
        at=at,
        fields=click.fields(code),
    )
    return Outcome({"msgid": sent.msgid, "response_code": code}, (event,))


ACTS = {"enter_agent": enter_agent, "click_menu": click_menu, "send_text": send_text, "click_card": click_card}
