"""Acts upon presses: who may, what changes, and the row that changes the card; all in the transaction of the press."""

from datetime import datetime

import structlog
from sqlalchemy import Connection

from services.message_cards.actions import ASKED_ANEW, Acted, action_of
from services.message_cards.model import Card, Pressed, outbox_id_of, task_id_of
from services.message_cards.presses import DuePress, lock_matter, said_before, settle_press
from services.notices.called import load_called
from services.notices.settled import CODE_LASTS, UPDATE, Says
from services.notices.store import Caused, load_sources, record_facts_and_notices
from services.planning import read_fact
from services.reminders.store import superiors_of
from shared.audit import Origin, record_audit
from shared.db.engine import fetch_one
from shared.ids import CustomerId, OutboxId, UserId
from shared.outbox import CARD_UPDATE, Delivery, enqueue
from shared.tenants import Tenant

log = structlog.get_logger()

FAILED = ("refused", "dead", "expired", "in_doubt")


def task_id_for(tenant: Tenant, outbox_id: OutboxId) -> str:
    return task_id_of(outbox_id, tenant.cipher.index("message_card", str(outbox_id)))


def act_upon(
    connection: Connection, tenant: Tenant, due: DuePress, *, now: datetime, ttl_s: float, address: str | None = None
) -> Says | None:
    """One press, whatever comes of it: what holds now, or None: ignored, with a reason in the log.

    `address`: from where, where that is known.
    """
    card = _card(connection, tenant, due)
    if card is None:
        _ignore(connection, tenant, due, "unknown_card", now=now)
        return None
    if not is_theirs(connection, tenant, card.recipient, due.press.userid):
        _ignore(connection, tenant, due, "not_theirs", now=now)
        return None
    action = action_of(card.fact.TYPE, due.press.key)
    if action is None:
        _ignore(connection, tenant, due, "unknown_button", now=now)
        return None
    anew = (card.fact.TYPE, due.press.key) in ASKED_ANEW
    before = None if anew else said_before(connection, tenant.id, card.outbox_id, due.press.key)
    pressed = Pressed(card, due.press.userid, due.press.selected, now)
    acted = action(connection, tenant, pressed) if before is None else Acted(before)
    record_audit(connection, tenant, acted.changes, Origin(pressed.actor, address, now))
    # Before the facts: those change other cards of the matter, and this one is changed with the code of the press.
    settle_press(connection, tenant.id, due.id, "done", now=now, card_id=card.outbox_id, says=acted.says)
    caused = [Caused(fact, "operator", due.caused_by) for fact in acted.facts]
    record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=ttl_s)
    if not due.on_page:
        _want_update(connection, tenant, card, due, acted.says, now=now)
    log.info("card.pressed", tenant_id=tenant.id, outbox_id=card.outbox_id, key=due.press.key,
             userid=due.press.userid, says=acted.says.value, repeated=before is not None)  # fmt: skip
    return acted.says


def _ignore(connection: Connection, tenant: Tenant, due: DuePress, why: str, *, now: datetime) -> None:
    log.warning("card.ignored", tenant_id=tenant.id, press_id=due.id, userid=due.press.userid, why=why)
    settle_press(connection, tenant.id, due.id, "ignored", now=now, why=why)


def _card(connection: Connection, tenant: Tenant, due: DuePress) -> Card | None:
    """The notice of the card. Two presses of one matter are acted upon one after the other; rows of the outbox stay
    free, since what presses change is locked before those.
    """
    outbox_id = outbox_id_of(due.press.task_id)
    if outbox_id is None or task_id_for(tenant, outbox_id) != due.press.task_id:
        return None
    held = lock_matter(connection, tenant.id, outbox_id)
    source = load_sources(connection, tenant, [outbox_id]).get(outbox_id) if held else None
    if source is None:
        return None
    called = load_called(connection, tenant.id, [outbox_id])[outbox_id]
    return Card(
        outbox_id,
        source.notice,
        called.recipient,
        called.about,
        read_fact(source.fact_type, source.occurred_at, source.payload),
        None if source.customer_id is None else CustomerId(source.customer_id),
    )


def is_theirs(connection: Connection, tenant: Tenant, recipient: UserId, userid: UserId) -> bool:
    """Whom a message was sent to, or somebody above them. Userids have no case.

    Not whoever is above somebody it is about: it may tell of others, too, who are none of theirs.
    """
    if userid.lower() == recipient.lower():
        return True
    above = superiors_of(connection, tenant.id, [recipient])
    return userid.lower() in {one.lower() for some in above.values() for one in some}


def _want_update(
    connection: Connection, tenant: Tenant, card: Card, due: DuePress, says: Says, *, now: datetime
) -> None:
    """The card is to say what holds: once, unless the row that was to make it say so has come to nothing."""
    key = f"card:{card.outbox_id}:{due.press.userid}:{says.value}"
    row = fetch_one(
        connection,
        "select state from outbox where tenant_id = :tenant_id and natural_key = :key",
        tenant_id=tenant.id,
        key=key,
    )
    if row is not None and row["state"] in FAILED:
        key = f"{key}:{due.id}"
    delivery = Delivery(
        natural_key=key,
        fact_id=None,
        notice=UPDATE,
        channel=CARD_UPDATE,
        recipient=due.press.userid,
        causes=[{"press_id": due.id}],
        expires_at=due.pressed_at + CODE_LASTS,
    )
    enqueue(connection, tenant.id, [delivery], now=now)
