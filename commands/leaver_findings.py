"""What `guanxi doctor` says of what leavers left behind: WeCom hands it over for one year only (TRF-6)."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.transfers.listing import list_leavers
from shared.db.engine import fetch_all
from shared.ids import TenantId

SOON = timedelta(days=30)
"""How long before its last day a leaver is named."""


def leaver_findings(connection: Connection, *, now: datetime) -> list[str]:
    """Leavers whose customers or chats have no new owner, and whose year is over within a month."""
    corps = fetch_all(connection, "select id, corp_id from tenant where state = 'live' order by id")
    found = []
    for corp in corps:
        for row in list_leavers(connection, TenantId(corp["id"])):
            left = row["customers"] + row["chats"] - row["under_way"]
            if left > 0 and row["until"] is not None and now <= row["until"] <= now + SOON:
                found.append(
                    f"{left} customers and chats of {row['userid']}, who left, can be handed over until "
                    f"{row['until']:%Y-%m-%d}: `guanxi transfer leaver {corp['corp_id']} {row['userid']}`"
                )
    return found
