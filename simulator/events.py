"""The plaintext XML of callbacks: tag names, their order and CDATA as WeCom writes them.

Source: WeCom server API, customer events (pages 92130 and 92277), address-book events (page 96302), messages and
events of an app (pages 90239 and 90240).
"""

from dataclasses import dataclass

from simulator.records import Receiver

Value = str | int | tuple[tuple[str, "Value"], ...]
"""Text goes into CDATA and is left out when empty; a number and Bare text stand bare; pairs are elements inside."""


class Bare(str):
    """Text that WeCom writes without CDATA; left out when empty."""

    __slots__ = ()


Fields = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Event:
    """`fields` are (tag, value) after ChangeType, `before` those that stand before it, both in order.

    `about` names the members whom it concerns; without it they are read from UserID. An app hears of it only when it
    has one of them in its scope; nobody named means that it concerns the corp. `agent_id` makes it an event of one
    app, which alone gets it; then `sender` is a member. A `message` has its own MsgType and no Event.
    """

    corp_id: str
    family: str
    change_type: str
    create_time: int
    fields: Fields
    before: Fields = ()
    about: tuple[str, ...] = ()
    agent_id: int = 0
    sender: str = "sys"
    message: bool = False
    # What the contact-sync assistant gets, when its address was saved after 2022-08-15: () is nothing, None the same.
    brief: Fields | None = None

    @property
    def concerned(self) -> tuple[str, ...]:
        """The members by userid: `about`, else the UserID field, else the sender of an app's event."""
        if self.about:
            return self.about
        named = tuple(str(value) for tag, value in self.fields if tag == "UserID" and value)
        return named or (() if self.sender == "sys" else (self.sender,))


def customer_event(corp_id: str, change_type: str, *, at: int, fields: Fields) -> Event:
    return Event(corp_id, "change_external_contact", change_type, at, fields)


def member_left(corp_id: str, userid: str, *, at: int) -> Event:
    return Event(corp_id, "change_contact", "delete_user", at, (("UserID", userid),))


def app_event(corp_id: str, name: str, *, userid: str, agent_id: int, at: int, fields: Fields = ()) -> Event:
    """What a member does in an app (click, enter_agent, template_card_event …); AgentID comes last by itself."""
    return Event(corp_id, name, "", at, fields, agent_id=agent_id, sender=userid)


def app_message(corp_id: str, msgtype: str, *, userid: str, agent_id: int, at: int, fields: Fields) -> Event:
    """What a member writes to an app; `fields` end with MsgId, AgentID follows by itself."""
    return Event(corp_id, msgtype, "", at, fields, agent_id=agent_id, sender=userid, message=True)


def element(tag: str, value: Value) -> str:
    if isinstance(value, tuple):
        return f"<{tag}>{elements(value)}</{tag}>"
    if isinstance(value, int | Bare):
        return f"<{tag}>{value}</{tag}>"
    safe = value.replace("]]>", "]]]]><![CDATA[>")
    return f"<{tag}><![CDATA[{safe}]]></{tag}>"


def elements(fields: Fields) -> str:
    return "".join(element(tag, value) for tag, value in fields if value not in ("", ()))


def told(event: Event, receiver: Receiver) -> Fields:
    """The fields as this receiver gets them: all, or the brief form for a contact-sync assistant."""
    is_brief = event.brief is not None and receiver.style != "suite" and not receiver.full_events
    return event.brief or () if is_brief else event.fields


def render(event: Event, receiver: Receiver) -> str:
    """The XML as this receiver gets it: an app by ToUserName and Event, a suite by SuiteId and InfoType."""
    # Address-book events of an app carry ChangeType as bare text, all others as CDATA; app events have none.
    bare = event.family == "change_contact" and receiver.style != "suite" and event.change_type != "update_tag"
    change = (("ChangeType", Bare(event.change_type) if bare else event.change_type),)
    agent: Fields = (("AgentID", event.agent_id),) if event.agent_id else ()
    return f"<xml>{elements(_head(event, receiver) + event.before + change + told(event, receiver) + agent)}</xml>"


def _head(event: Event, receiver: Receiver) -> Fields:
    if receiver.style == "suite":
        return (
            ("SuiteId", receiver.receiveid),
            ("AuthCorpId", event.corp_id),
            ("InfoType", event.family),
            ("TimeStamp", event.create_time),
        )
    kind: Fields = (("MsgType", event.family),) if event.message else (("MsgType", "event"), ("Event", event.family))
    return (("ToUserName", event.corp_id), ("FromUserName", event.sender), ("CreateTime", event.create_time), *kind)
