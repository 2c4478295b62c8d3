"""Changes cards after presses, and those whose matter was settled elsewhere: each code of WeCom's is good for one
change within 72 h, so a change is made once.

A try whose outcome is unknown is made again with the same code: had it arrived, the code is spent (60140), and the card
says already what it should.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.message_cards.model import SIGNS, SPENT
from services.message_cards.presses import Update, load_settled, load_update
from services.notices.settled import Says
from shared.db.engine import transact
from shared.directory import Directory
from shared.errors import RetryableError
from shared.outbox import CARDS
from shared.runtime import Runtime
from shared.tenants import Tenant, load_agent_ids
from shared.tries import Due, Outcome, begin_try, end_try, lease
from shared.vault import VaultError
from shared.wecom.apis import Priority
from shared.wecom.clients import CONTACT, Clients
from shared.wecom.errors import UnreachableError, WeComError
from shared.wecom.families.messages import Recipients

BATCH = 20

log = structlog.get_logger()
updates = Counter("guanxi_card_updates", "Tries to change a card, by outcome", ["outcome"])


class CardUpdates:
    def __init__(self, runtime: Runtime, clients: Clients) -> None:
        self._runtime, self._clients = runtime, clients
        self._directory = Directory(runtime.vault)

    def update_due(self) -> int:
        """One batch; how many were held, whatever became of them."""
        settings, now = self._runtime.settings, self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            held = lease(connection, CARDS, limit=BATCH, now=now, lease_s=settings.lease_s)
            tenants = self._directory.usable(connection, {one.tenant_id for one in held})
        for one in held:
            if (tenant := tenants.get(one.tenant_id)) is not None:
                self._update(tenant, one)
        return len(held)

    def _update(self, tenant: Tenant, one: Due) -> None:
        clock, number = self._runtime.clock, None
        now = clock.now()
        with self._runtime.engine.begin() as connection:
            update = _readable(connection, tenant, one)
            agent_id = load_agent_ids(connection, tenant.id).get(CONTACT)
            refusal = why_not(update, one, agent_id, now=now)
            if refusal is None:
                number = begin_try(
                    connection, one, body=None, counts_for=None, now=now, lease_s=self._runtime.settings.lease_s
                )
            else:
                end_try(connection, one, None, refusal, now=now)
        if number is None or update is None or agent_id is None:
            return
        outcome = self._try(tenant, one, update, agent_id, number)
        transact(self._runtime.engine, lambda connection: end_try(connection, one, number, outcome, now=clock.now()))
        updates.labels(outcome.outcome).inc()
        log.info("card.update_tried", tenant_id=tenant.id, outbox_id=one.id, says=update.says.value, attempt=number,
                 outcome=outcome.outcome, state=outcome.state, reason=outcome.detail)  # fmt: skip

    def _try(self, tenant: Tenant, one: Due, update: Update, agent_id: int, number: int) -> Outcome:
        caption, to = SIGNS[update.says].of(tenant.language), Recipients((update.userid,))
        try:
            messages = self._clients.of(tenant).at(Priority.EVENTS).messages
            refused = messages.disable_card(update.response_code, caption, agentid=agent_id, to=to)
        except Exception as error:  # told apart below: every outcome ends up in the attempt's row
            backoff_s = self._runtime.settings.message_backoff_s
            unknown = one.first_unknown_at is not None
            return outcome_of(error, tries=number, unknown=unknown, backoff_s=backoff_s, now=self._runtime.clock.now())
        if refused:
            return Outcome("refused", "refused", detail="WeCom does not change this member's card")
        return Outcome("accepted", "sent")


def _readable(connection: Connection, tenant: Tenant, one: Due) -> Update | None:
    """By the code of the press, or by that of the card's send."""
    cause = next(iter(one.causes), {})
    try:
        match cause:
            case {"press_id": int(press_id)}:
                return load_update(connection, tenant, press_id)
            case {"card_id": int(card_id), "says": str(says)}:
                return load_settled(connection, tenant, card_id, Says(says))
        return None
    except VaultError:
        log.error("card.code_unreadable", tenant_id=tenant.id, outbox_id=one.id)
        return None


def why_not(update: Update | None, one: Due, agent_id: int | None, *, now: datetime) -> Outcome | None:
    """What becomes of a change that cannot be tried (now); None: it can. Pure."""
    if update is None or not update.response_code:
        return Outcome("refused", "dead", detail="there is no usable code for it")
    if one.expires_at <= now:
        return Outcome("refused", "expired", detail="its code is too old")
    if agent_id is None:
        return Outcome("retry", "queued", next_try_at=now + timedelta(minutes=1), detail="the app has no agent_id")
    return None


def outcome_of(error: Exception, *, tries: int, unknown: bool, backoff_s: Sequence[float], now: datetime) -> Outcome:
    """What a failed call means. `unknown`: an earlier try of it may have arrived. Pure."""
    later = now + timedelta(seconds=backoff_s[min(tries, len(backoff_s)) - 1])
    match error:
        case WeComError(code=code) if code == SPENT and unknown:
            return Outcome("accepted", "sent", code=code, detail="an earlier try had arrived")
        case WeComError(code=code) if code == SPENT:
            return Outcome("refused", "refused", code=code, detail=str(error))
        case UnreachableError(maybe_accepted=True):
            return Outcome("unknown", "queued", next_try_at=later, detail=str(error))
        case RetryableError():
            known = error.code if isinstance(error, WeComError) else None
            at = max(later, now + timedelta(seconds=error.after_s or 0.0))
            return Outcome("retry", "queued", next_try_at=at, code=known, detail=str(error))
        case WeComError(code=code):
            return Outcome("refused", "dead", code=code, detail=str(error))
    return Outcome("unknown", "queued", next_try_at=later, detail=type(error).__name__)
