"""Rows of presses: written when their event is routed, acted upon once, remembered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.message_cards.model import Press
from services.notices.settled import Says
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import OutboxId, TenantId, UserId
from shared.outbox import RESPONSE_CODE
from shared.tenants import Tenant
from shared.userids import current_userid
from shared.vault import Cipher

CODE = "card_press.response_code"
"""Encryption context."""
MOST_FAILURES = 5
WAIT = timedelta(seconds=30)


@dataclass(frozen=True)
class NewPress:
    """A press on its way into the table. `fingerprint`: of the event; two receivers of it tell of one press."""

    tenant_id: TenantId
    press: Press
    code: bytes
    fingerprint: bytes
    pressed_at: datetime
    caused_by: str


def sealed_code(cipher: Cipher, press: Press) -> bytes:
    return cipher.encrypt(press.response_code.encode(), CODE)


def record_presses(connection: Connection, presses: Sequence[NewPress], *, now: datetime) -> None:
    """A press that is there already is left alone."""
    if not presses:
        return
    run(
        connection,
        "insert into card_press (tenant_id, task_id, key, userid, agent_id, selected, response_code, fingerprint, "
        "pressed_at, caused_by, state, next_try_at, received_at) "
        "select tenant_id, task_id, key, userid, agent_id, selected, response_code, fingerprint, pressed_at, "
        "caused_by, 'new', :now, :now from jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, "
        "task_id text, key text, userid text, agent_id text, selected jsonb, response_code bytea, "
        "fingerprint bytea, pressed_at timestamptz, caused_by text) on conflict (tenant_id, fingerprint) do nothing",
        now=now,
        rows=as_json(
            [
                {
                    "tenant_id": one.tenant_id,
                    "task_id": one.press.task_id,
                    "key": one.press.key,
                    "userid": one.press.userid,
                    "agent_id": one.press.agent_id,
                    "selected": dict(one.press.selected),
                    "response_code": one.code,
                    "fingerprint": one.fingerprint,
                    "pressed_at": one.pressed_at,
                    "caused_by": one.caused_by,
                }
                for one in presses
            ]
        ),
    )


@dataclass(frozen=True)
class DuePress:
    """A press that this transaction holds."""

    id: int
    press: Press = field(repr=False)
    pressed_at: datetime
    caused_by: str
    attempts: int

    @property
    def on_page(self) -> bool:
        """Pressed on the page of the message: no event told of it, and there is no code to change a card with."""
        return not self.press.agent_id


def tenants_with_presses(connection: Connection, *, now: datetime) -> list[TenantId]:
    rows = fetch_all(
        connection,
        "select distinct tenant_id as id from card_press where state = 'new' and next_try_at <= :now order by 1",
        now=now,
    )
    return [TenantId(row["id"]) for row in rows]


def take_press(connection: Connection, tenant: Tenant, *, now: datetime) -> DuePress | None:
    """The oldest one that is due and that nobody else holds, until the transaction ends."""
    row = fetch_one(
        connection,
        "select * from card_press where tenant_id = :tenant_id and state = 'new' and next_try_at <= :now "
        "order by pressed_at, id limit 1 for update skip locked",
        tenant_id=tenant.id,
        now=now,
    )
    return None if row is None else _due(row)


def _due(row: Row) -> DuePress:
    press = Press(row["task_id"], row["key"], UserId(row["userid"]), row["agent_id"], "", row["selected"])
    return DuePress(row["id"], press, row["pressed_at"], row["caused_by"], row["attempts"])


def hold_press(connection: Connection, tenant: Tenant, fingerprint: bytes) -> tuple[DuePress, Says | None]:
    """A press that was recorded, until the transaction ends, and what came of it; None: nothing yet."""
    row = fetch_one(
        connection,
        "select * from card_press where tenant_id = :tenant_id and fingerprint = :fingerprint for update",
        tenant_id=tenant.id,
        fingerprint=fingerprint,
    )
    assert row is not None
    return _due(row), None if row["says"] is None else Says(row["says"])


def lock_matter(connection: Connection, tenant_id: TenantId, card_id: OutboxId) -> bool:
    """Until the transaction ends, nobody else acts upon a press of this card, or of another one of the same fact: an
    associate and whoever is above them may both have one. False: there is no such card.
    """
    row = fetch_one(
        connection,
        "select fact_id from outbox where tenant_id = :tenant_id and id = :id and channel = 'wecom'",
        tenant_id=tenant_id,
        id=card_id,
    )
    if row is None:
        return False
    key = f"card:{tenant_id}:{row['fact_id']}"
    run(connection, "select pg_advisory_xact_lock(hashtextextended(:key, 0))", key=key)
    return True


def said_before(connection: Connection, tenant_id: TenantId, card_id: OutboxId, key: str) -> Says | None:
    """What came of an earlier press of the same button, on anybody's card of the fact; whoever asks has locked it."""
    row = fetch_one(
        connection,
        "select p.says from outbox c join outbox o on o.tenant_id = c.tenant_id and o.fact_id = c.fact_id "
        "join card_press p on p.tenant_id = o.tenant_id and p.card_id = o.id and p.key = :key and p.state = 'done' "
        "where c.tenant_id = :tenant_id and c.id = :card_id order by p.id limit 1",
        tenant_id=tenant_id,
        card_id=card_id,
        key=key,
    )
    return None if row is None else Says(row["says"])


def settle_press(
    connection: Connection,
    tenant_id: TenantId,
    press_id: int,
    state: str,
    *,
    now: datetime,
    why: str | None = None,
    card_id: OutboxId | None = None,
    says: Says | None = None,
) -> None:
    """`state`: done or ignored (`why`: a word). `card_id`: the notice's row; `says`: what its card is to say."""
    run(
        connection,
        "update card_press set state = :state, why = :why, card_id = :card_id, says = :says, settled_at = :now "
        "where tenant_id = :tenant_id and id = :id",
        state=state,
        why=why,
        card_id=card_id,
        says=None if says is None else says.value,
        now=now,
        tenant_id=tenant_id,
        id=press_id,
    )


def note_failure(connection: Connection, tenant_id: TenantId, press_id: int, *, now: datetime) -> None:
    """Our own mistake: it is tried some more times, and then left for a person to see."""
    run(
        connection,
        "update card_press set attempts = attempts + 1, next_try_at = :later, "
        "state = case when attempts + 1 >= :most then 'failed' else state end, "
        "settled_at = case when attempts + 1 >= :most then cast(:now as timestamptz) end "
        "where tenant_id = :tenant_id and id = :id and state = 'new'",
        later=now + WAIT,
        most=MOST_FAILURES,
        now=now,
        tenant_id=tenant_id,
        id=press_id,
    )


@dataclass(frozen=True)
class Update:
    """What changes a card: on whose phone, by their userid of now, what it is to say, and the code that this spends."""

    userid: UserId
    says: Says
    response_code: str = field(repr=False)


def load_update(connection: Connection, tenant: Tenant, press_id: int) -> Update | None:
    """With the code of a press."""
    row = fetch_one(
        connection,
        f"select {current_userid('p.userid', at='p.pressed_at', tenant_id='p.tenant_id')} as userid, "  # noqa: S608
        "p.says, p.response_code from card_press p "
        "where p.tenant_id = :tenant_id and p.id = :id and p.says is not null",
        tenant_id=tenant.id,
        id=press_id,
    )
    if row is None:
        return None
    return Update(UserId(row["userid"]), Says(row["says"]), tenant.cipher.decrypt(row["response_code"], CODE).decode())


def load_settled(connection: Connection, tenant: Tenant, card_id: int, says: Says) -> Update | None:
    """With the code that came with the send of a card, whose matter was settled elsewhere."""
    row = fetch_one(
        connection,
        f"select {current_userid('o.recipient', at='o.settled_at', tenant_id='o.tenant_id')} as userid, "  # noqa: S608
        "o.response_code from outbox o where o.tenant_id = :tenant_id and o.id = :id "
        "and o.channel = 'wecom' and o.response_code is not null",
        tenant_id=tenant.id,
        id=card_id,
    )
    if row is None:
        return None
    return Update(UserId(row["userid"]), says, tenant.cipher.decrypt(row["response_code"], RESPONSE_CODE).decode())
