"""The plaintext XML of callbacks: tag names, their order and CDATA as WeCom writes them.

Source: WeCom server API, customer events (pages 92130 and 92277), address-book events (page 96302).
"""

from dataclasses import dataclass

from simulator.records import Receiver


@dataclass(frozen=True)
class Event:
    """`fields` are (tag, value) after ChangeType, in order; a field with an empty value is left out."""

    corp_id: str
    family: str
    change_type: str
    create_time: int
    fields: tuple[tuple[str, str], ...]


def customer_event(corp_id: str, change_type: str, *, at: int, fields: tuple[tuple[str, str], ...]) -> Event:
    return Event(corp_id, "change_external_contact", change_type, at, fields)


def member_left(corp_id: str, userid: str, *, at: int) -> Event:
    return Event(corp_id, "change_contact", "delete_user", at, (("UserID", userid),))


def _cdata(tag: str, value: str) -> str:
    safe = value.replace("]]>", "]]]]><![CDATA[>")
    return f"<{tag}><![CDATA[{safe}]]></{tag}>"


def render(event: Event, receiver: Receiver) -> str:
    """The XML as this receiver gets it: an app by ToUserName and Event, a suite by SuiteId and InfoType."""
    if receiver.style == "suite":
        head = (
            _cdata("SuiteId", receiver.receiveid)
            + _cdata("AuthCorpId", event.corp_id)
            + _cdata("InfoType", event.family)
            + f"<TimeStamp>{event.create_time}</TimeStamp>"
        )
    else:
        head = (
            _cdata("ToUserName", event.corp_id)
            + _cdata("FromUserName", "sys")
            + f"<CreateTime>{event.create_time}</CreateTime>"
            + _cdata("MsgType", "event")
            + _cdata("Event", event.family)
        )
    # Address-book events of an app carry ChangeType as bare text, all others as CDATA.
    bare = event.family == "change_contact" and receiver.style != "suite"
    change = f"<ChangeType>{event.change_type}</ChangeType>" if bare else _cdata("ChangeType", event.change_type)
    rest = "".join(_cdata(tag, value) for tag, value in event.fields if value)
    return f"<xml>{head}{change}{rest}</xml>"


def envelope(encrypted: str, receiver: Receiver) -> str:
    """The outer XML of a push; customer and address-book events carry an empty AgentID."""
    return (
        "<xml>"
        + _cdata("ToUserName", receiver.receiveid)
        + _cdata("AgentID", "")
        + _cdata("Encrypt", encrypted)
        + "</xml>"
    )
