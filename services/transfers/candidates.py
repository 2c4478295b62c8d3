"""Loads what a proposal for a leaver rests on: what is left behind, and who may take over (TRF-6)."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.associates.store import load_superiors
from services.transfers.leavers import Left, Team
from services.transfers.listing import list_left_behind
from services.transfers.model import Kind
from shared.db.engine import fetch_all
from shared.ids import TenantId, UserId

PAGE = 5000
ABLE = "a.gone_at is null and a.renamed_to is null and a.in_sight and a.has_contact and coalesce(a.status, 1) = 1"


def load_left(connection: Connection, tenant_id: TenantId, userid: UserId) -> list[Left]:
    """All that a leaver left behind and nobody has been asked to take over."""
    found: list[Left] = []
    after = ""
    while True:
        rows = list_left_behind(connection, tenant_id, userid, after=after, limit=PAGE)
        keys = [row["subject_key"] for row in rows if row["kind"] == Kind.CUSTOMER and row["transfer_id"] is None]
        friends = _friends(connection, tenant_id, keys)
        for row in rows:
            if row["transfer_id"] is None:
                kind, key = Kind(row["kind"]), row["subject_key"]
                found.append(Left(kind, key, friends.get(key, ()) if kind is Kind.CUSTOMER else ()))
        if len(rows) < PAGE:
            return found
        after = f"{rows[-1]['kind']}/{rows[-1]['subject_key']}"


def _friends(connection: Connection, tenant_id: TenantId, keys: Sequence[str]) -> dict[str, tuple[UserId, ...]]:
    rows = fetch_all(
        connection,
        "select r.external_userid, array_agg(r.userid order by r.started_at, r.userid) as friends "  # noqa: S608
        f"from relation r join associate a on a.tenant_id = r.tenant_id and a.userid = r.userid and {ABLE} "
        "where r.tenant_id = :tenant_id and r.external_userid = any(:keys) and r.state = 'active' group by 1",
        tenant_id=tenant_id,
        keys=list(keys),
    )
    return {row["external_userid"]: tuple(UserId(one) for one in row["friends"]) for row in rows}


def load_team(connection: Connection, tenant_id: TenantId, userid: UserId) -> Team:
    superior = load_superiors(connection, tenant_id, [userid]).get(userid)
    rows = fetch_all(
        connection,
        "select a.userid, a.main_department_id = (select main_department_id from associate "  # noqa: S608 - a constant
        "where tenant_id = :tenant_id and userid = :userid) as colleague from associate a "
        f"where a.tenant_id = :tenant_id and a.userid <> :userid and {ABLE} "
        "and (a.userid = :superior or a.main_department_id = (select main_department_id from associate "
        "where tenant_id = :tenant_id and userid = :userid)) order by a.userid",
        tenant_id=tenant_id,
        userid=userid,
        superior=superior,
    )
    able = {UserId(row["userid"]): row["colleague"] for row in rows}
    return Team(superior if superior in able else None, tuple(one for one, colleague in able.items() if colleague))
