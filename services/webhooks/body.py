"""The bytes of a webhook: a function of the fact's row alone, so that every try sends the same ones."""

from datetime import datetime

import orjson

from services.webhooks.model import FactTold
from shared.ids import FactId


def render_body(fact: FactTold, corp_id: str, message_id: str) -> bytes:
    """JSON, UTF-8. Times are UTC with a Z. Ids and codes only, as in the fact."""
    return orjson.dumps(
        {
            "id": message_id,
            "type": fact.type,
            "version": fact.version,
            "corp_id": corp_id,
            "occurred_at": fact.occurred_at,
            "recorded_at": fact.recorded_at,
            "cause": fact.cause,
            "subject": {"kind": fact.subject_kind, "key": fact.subject_key, "version": fact.id},
            "data": fact.payload,
        },
        option=orjson.OPT_UTC_Z,
    )


def message_id_of(fact: FactTold) -> str:
    """Stable over retries and resends, and the same for all endpoints."""
    return f"fact_{fact.id}"


def trial_fact(now: datetime) -> FactTold:
    """What `guanxi webhook test` sends: nothing that happened."""
    return FactTold(
        id=FactId(0),
        type="webhook_test",
        version=1,
        subject_kind="webhook",
        subject_key="test",
        occurred_at=now,
        recorded_at=now,
        cause="operator",
        payload={},
    )
