"""message/send: from an accepted request to a delivery for each member.

Source: WeCom server API, application messages (page 90236), frequency limits (page 90454).
"""

import secrets
from dataclasses import dataclass
from typing import Any

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.messages import cards
from simulator.messages.book import MessageBook, Sent
from simulator.messages.quotas import Repeats, overflows, spend
from simulator.messages.recipients import Recipients, named_in
from simulator.messages.rules import RULES, Sender, displayed
from simulator.messages.settings import MessageSettings
from simulator.records import Delivery, Member


def check_agent(call: Call, body: dict[str, Any]) -> None:
    """The token's own app must be named: 41011 missing, 301002 another app of the corp, 40056 none of its apps."""
    if "agentid" not in body:
        raise ApiError(41011)
    if str(body["agentid"]) == str(call.app.agent_id):
        return
    others = {str(app.agent_id) for app in call.corp.apps.values()}
    raise ApiError(301002 if str(body["agentid"]) in others else 40056)


@dataclass(frozen=True)
class Accepted:
    """A request that WeCom takes; `lost` says that nobody gets it, for the day's number is used up."""

    call: Call
    body: dict[str, Any]
    shown: dict[str, Any]
    now: float
    repeat: bool = False
    lost: bool = False

    def deliver(self, member: Member, sent: Sent) -> None:
        """File the delivery, seen or not; the pace of the member counts only what would have reached them."""
        call = self.call
        lost = self.lost or (not self.repeat and overflows(call, member, now=self.now))
        delivery = Delivery(
            msgid=sent.msgid,
            sequence=call.world.next_sequence(),
            agent_id=call.app.agent_id,
            userid=member.userid,
            msgtype=self.body["msgtype"],
            payload=self.body[self.body["msgtype"]],
            displayed=self.shown,
            at=int(self.now),
            dropped=lost,
            duplicate=self.repeat,
        )
        call.corp.deliveries.append(delivery)
        call.corp.inboxes.setdefault(member.userid, []).append(delivery)
        if not self.repeat:
            sent.deliveries[member.userid.lower()] = delivery


def send(call: Call) -> dict[str, Any]:
    """The suppressed repetition of a request has a msgid of its own and no response_code; neither is published."""
    if len(call.body) > call.settings(MessageSettings).most_body_bytes:
        raise ApiError(40206)
    body, now = call.json(), call.world.now()
    check_agent(call, body)
    shown = displayed(body, Sender.of(call), RULES)
    task_id = cards.check_task_id(shown) if body["msgtype"] == "template_card" else ""
    named = named_in(call, body)
    if named.all_bad:
        raise ApiError(81013, more=named.report())
    repeats = Repeats.of(call, body)
    if repeats.seen(now=now):
        sent = _deliver(Accepted(call, body, shown, now, repeat=True), named)
        return {**named.report(), "msgid": sent.msgid}
    _check_free(call, task_id)
    within = spend(call, len(named.found), now=now)
    repeats.remember(now=now)
    sent = _deliver(Accepted(call, body, shown, now, lost=not within), named)
    return {**named.report(), "msgid": sent.msgid, **_code(call, sent, shown, task_id=task_id)}


def _deliver(accepted: Accepted, named: Recipients) -> Sent:
    call = accepted.call
    sent = Sent(secrets.token_urlsafe(48), call.app.agent_id, accepted.now)
    call.book(MessageBook).sent[sent.msgid] = sent
    for member in named.found.values():
        accepted.deliver(member, sent)
    return sent


def _check_free(call: Call, task_id: str) -> None:
    """A task id is used once per app."""
    if task_id and (call.app.agent_id, task_id) in call.book(MessageBook).task_ids:
        raise ApiError(42014)


def _code(call: Call, sent: Sent, shown: dict[str, Any], *, task_id: str) -> dict[str, Any]:
    """Claim the card's task id; a card that calls back comes with a code for one update."""
    book = call.book(MessageBook)
    if task_id:
        book.task_ids[call.app.agent_id, task_id] = sent.msgid
    if "card_type" in shown and cards.calls_back(shown):
        return {"response_code": book.issue_code(sent, now=sent.at)}
    return {}
