"""The page that a message leads to: all that it tells of, with the words of steps in full, and its buttons.

Buttons of a page do what those of a card do (actions.py), once for each person: a press is a row like that of a card.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import unescape

from sqlalchemy import Connection

from services.message_cards.model import Button, Press, buttons_of
from services.message_cards.presses import NewPress, hold_press, record_presses, sealed_code
from services.message_cards.pressing import act_upon, is_theirs, task_id_for
from services.notices.called import load_called
from services.notices.log import load_message
from services.notices.model import SOP_OVERDUE, SOP_STEP
from services.notices.settled import Says
from services.notices.store import Names, NoticeSource, load_names, load_sources
from services.reminders.store import load_policy
from services.robots.model import is_robot
from services.sops.confirming import load_step
from services.sops.model import Attachment, StepState
from services.sops.words import ready
from shared.db.engine import Row, fetch_all, fetch_one
from shared.errors import TerminalError
from shared.ids import OutboxId, TenantId, UserId
from shared.tenants import Tenant

PAGE = 50
LARGEST = 2**63 - 1
_TAGS = re.compile(r"<[^<>]*>")
_LINK = re.compile(r"\[[^\[\]]*\]\([^()]*\)")


class NotTheirsError(TerminalError):
    """There is no such message, or it was for somebody else."""


@dataclass(frozen=True)
class ToSend:
    """What the associate is to send in a step of an SOP. `state`: None when the step is not known any more."""

    words: str
    attachments: Sequence[Attachment]
    state: StepState | None


@dataclass(frozen=True)
class Item:
    """One notice of those that a message tells of. `name`: of the customer or chat, where it is about one."""

    outbox_id: OutboxId
    occurred_at: datetime
    name: str
    buttons: Sequence[Button]
    pressed: Says | None
    to_send: ToSend | None


@dataclass(frozen=True)
class MessagePage:
    """`title` and `lines`: as the message said. `owner`: whose matter it is. `next_after`: there are more items."""

    id: OutboxId
    notice: str
    owner: UserId
    is_own: bool
    title: str
    lines: Sequence[str]
    count: int
    items: Sequence[Item]
    next_after: int | None


def tenant_of_message(connection: Connection, id_: int) -> TenantId | None:
    """Whose message it is; None: there is none."""
    if not 0 < id_ <= LARGEST:
        return None
    row = fetch_one(  # corp by corp: each finds it by its key, and corps are few
        connection,
        "select t.id from tenant t cross join lateral (select from outbox o where o.tenant_id = t.id and o.id = :id "
        "and o.channel in ('wecom', 'robot') offset 0) o",
        id=id_,
    )
    return None if row is None else TenantId(row["id"])


def load_page(connection: Connection, tenant: Tenant, id_: OutboxId, *, reader: UserId, after: int = 0) -> MessagePage:
    """The message of a notice with `PAGE` of what it tells of, those after the item `after`.

    Raises:
        NotTheirsError: no such message, or `reader` is neither its recipient nor above them.
    """
    row = _row(connection, tenant, id_)
    called = load_called(connection, tenant.id, [OutboxId(row["id"])])[OutboxId(row["id"])]
    if is_robot(called.recipient):
        theirs = reader in load_policy(connection, tenant.id).administrators
    else:
        theirs = is_theirs(connection, tenant, called.recipient, reader)
    if not theirs:
        raise NotTheirsError("there is no such message for you")
    ids = _items(connection, tenant, row["id"], after=after)
    sources = _as_called_now(connection, tenant, load_sources(connection, tenant, ids))
    names = load_names(connection, tenant, list(sources.values()))
    pressed = _pressed(connection, tenant, ids)
    shown = [one for one in ids if one in sources][:PAGE]
    title, lines = _said(load_message(connection, tenant, row["id"]) or {})
    return MessagePage(
        OutboxId(row["id"]),
        row["notice"],
        called.about or called.recipient,
        called.about is None and reader == called.recipient,
        title,
        lines,
        row["folds"],
        [_item(connection, tenant, sources[one], names, pressed.get(one)) for one in shown],
        ids[PAGE - 1] if len(ids) > PAGE else None,
    )


def _row(connection: Connection, tenant: Tenant, id_: OutboxId) -> Row:
    """Of the message that tells of the notice: its own, or the one that it was folded into."""
    row = fetch_one(
        connection,
        "select c.id, c.notice, c.folds from outbox o join outbox c "
        "on c.tenant_id = o.tenant_id and c.id = coalesce(o.folded_into, o.id) "
        "where o.tenant_id = :tenant_id and o.id = :id and o.channel in ('wecom', 'robot')",
        tenant_id=tenant.id,
        id=id_,
    )
    if row is None:
        raise NotTheirsError("there is no such message")
    return row


def _items(connection: Connection, tenant: Tenant, id_: int, *, after: int) -> list[OutboxId]:
    """The message's own notice first, then what was folded into it; one more than a page holds."""
    rows = fetch_all(
        connection,
        "select id from outbox where tenant_id = :tenant_id and folded_into = :id and id > :after "
        "order by id limit :limit",
        tenant_id=tenant.id,
        id=id_,
        after=after,
        limit=PAGE + 1,
    )
    first = [OutboxId(id_)] if after == 0 else []
    return [*first, *(OutboxId(row["id"]) for row in rows)][: PAGE + 1]


def _as_called_now(
    connection: Connection, tenant: Tenant, sources: Mapping[OutboxId, NoticeSource]
) -> dict[OutboxId, NoticeSource]:
    called = load_called(connection, tenant.id, list(sources))
    return {id_: replace(one, recipient=called[id_].recipient, about=called[id_].about) for id_, one in sources.items()}


def _pressed(connection: Connection, tenant: Tenant, ids: Sequence[OutboxId]) -> Mapping[OutboxId, Says]:
    """What the newest press of any button of each came to, whoever pressed it on whichever message of the fact."""
    rows = fetch_all(
        connection,
        "select distinct on (o.id) o.id as card_id, p.says from outbox o join outbox k on k.tenant_id = o.tenant_id "
        "and k.fact_id = o.fact_id join card_press p on p.tenant_id = k.tenant_id and p.card_id = k.id "
        "and p.state = 'done' where o.tenant_id = :tenant_id and o.id = any(:ids) order by o.id, p.id desc",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    return {OutboxId(row["card_id"]): Says(row["says"]) for row in rows}


def _item(connection: Connection, tenant: Tenant, source: NoticeSource, names: Names, pressed: Says | None) -> Item:
    owner = source.about or source.recipient  # whoever is above several hears of all of theirs in one message
    contact, chat = source.payload.get("external_userid"), source.payload.get("chat_id")
    if contact:
        name = names.contact(str(contact), owner)
    elif source.customer_id:
        name = names.customer(source.customer_id, owner)
    else:
        name = names.chats.get(chat, "") if chat else ""
    to_send = _to_send(connection, tenant, source, names, name) if source.notice in (SOP_STEP, SOP_OVERDUE) else None
    if to_send is not None and to_send.state is StepState.DONE:
        pressed = Says.DONE
    buttons = () if pressed or is_robot(source.recipient) else buttons_of(source.notice, source.payload)
    return Item(source.outbox_id, source.occurred_at, name, buttons, pressed, to_send)


def _to_send(connection: Connection, tenant: Tenant, source: NoticeSource, names: Names, name: str) -> ToSend:
    userid = str(source.payload["userid"])
    customer = name if source.payload.get("external_userid") else ""
    associate = names.associates.get(userid) or userid
    words = ready(source.words.get("content", ""), source.words, customer=customer, associate=associate)
    asked = (int(str(source.payload[key])) for key in ("rule_id", "enrolment_id", "step_id"))
    attachments, state = load_step(connection, tenant, *asked)
    return ToSend(words, attachments, state)


def _said(payload: Mapping[str, object]) -> tuple[str, list[str]]:
    """Title and lines of a message as it was sent, in whichever form, without its markup and its link."""
    if isinstance(main := payload.get("main_title"), dict):
        title, rest = str(main.get("title", "")), str(payload.get("sub_title_text", ""))
    elif "title" in payload:
        title, rest = str(payload["title"]), unescape(_plain(str(payload.get("description", ""))))
    else:
        title, _, rest = str(payload.get("content", "")).partition("\n")
        title, rest = _plain(title).strip(" *#"), _LINK.sub("", _plain(rest))
    lines = (line.strip(" *>") for line in rest.splitlines())
    return title, [line for line in lines if line]


def _plain(marked: str) -> str:
    return _TAGS.sub("", marked.replace("<br>", "\n").replace("</div>", "\n"))


def press_on_page(
    connection: Connection,
    tenant: Tenant,
    id_: OutboxId,
    button: Button,
    *,
    selected: Mapping[str, str],
    by: UserId,
    address: str | None,
    now: datetime,
    ttl_s: float,
) -> Says:
    """What holds after it; a second press of the same person changes nothing.

    Raises:
        NotTheirsError: no such message, not for them, or it has no such button.
    """
    press = Press(task_id_for(tenant, id_), button.value, by, "", "", selected)
    fingerprint = tenant.cipher.index("page_press", f"{id_}:{button.value}:{by.lower()}")
    new = NewPress(tenant.id, press, sealed_code(tenant.cipher, press), fingerprint, now, "page")
    record_presses(connection, [new], now=now)
    due, said = hold_press(connection, tenant, fingerprint)
    said = said or act_upon(connection, tenant, due, now=now, ttl_s=ttl_s, address=address)
    if said is None:
        raise NotTheirsError("this cannot be done here")
    return said
