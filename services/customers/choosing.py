"""Finds the relations that a choice means, in the order of their keys, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.customers.choice import Choice
from shared.db.engine import fetch_all, fetch_one
from shared.ids import ExternalUserId, TenantId, UserId

CHOSEN = (
    "r.tenant_id = :tenant_id and r.state = 'active' "
    "and (cast(:userids as text[]) is null or r.userid = any(:userids)) "
    "and (cast(:departments as bigint[]) is null or exists (select from associate a where a.tenant_id = r.tenant_id "
    "and a.userid = r.userid and a.main_department_id = any(cast(:departments as bigint[])))) "
    "and (cast(:any_tags as text[]) is null or r.corp_tag_ids && :any_tags) "
    "and (cast(:all_tags as text[]) is null or r.corp_tag_ids @> :all_tags) "
    "and (cast(:no_tags as text[]) is null or not coalesce(r.corp_tag_ids, '{}') && :no_tags) "
    "and (cast(:added_since as timestamptz) is null or r.started_at >= :added_since) "
    "and (cast(:added_before as timestamptz) is null or r.started_at < :added_before) "
    "and (not :assigned or exists (select from external_contact c join customer u on u.tenant_id = c.tenant_id "
    "and u.id = c.customer_id where c.tenant_id = r.tenant_id and c.external_userid = r.external_userid "
    "and u.assigned_userid = r.userid))"
)
# Not another "or": only so does PostgreSQL begin with the few who are in the chats.
IN_CHATS = (
    " and r.external_userid in (select g.member_id from group_member g where g.tenant_id = :tenant_id "
    "and g.chat_id = any(:chats) and g.left_at is null)"
)


@dataclass(frozen=True)
class Chosen:
    """A relation with the corp tags that are recorded of it; None: not known."""

    external_userid: ExternalUserId
    userid: UserId
    tag_ids: frozenset[str] | None

    @property
    def key(self) -> tuple[str, str]:
        return self.external_userid, self.userid


def _parameters(tenant_id: TenantId, choice: Choice) -> dict[str, object]:
    lists: Mapping[str, Sequence[object]] = {
        name: getattr(choice, name) for name in ("userids", "departments", "any_tags", "all_tags", "no_tags")
    }
    return {
        "tenant_id": tenant_id,
        **{name: list(values) or None for name, values in lists.items()},
        "added_since": choice.added_since,
        "added_before": choice.added_before,
        "assigned": choice.assigned,
        **({"chats": list(choice.chats)} if choice.chats else {}),
    }


def _conditions(choice: Choice) -> str:
    return CHOSEN + IN_CHATS if choice.chats else CHOSEN


def count_chosen(connection: Connection, tenant_id: TenantId, choice: Choice) -> int:
    row = fetch_one(
        connection,
        f"select count(*) as n from relation r where {_conditions(choice)}",  # noqa: S608 - constants
        **_parameters(tenant_id, choice),
    )
    return int(row["n"]) if row else 0


def chosen_page(
    connection: Connection, tenant_id: TenantId, choice: Choice, *, after: tuple[str, str], limit: int
) -> list[Chosen]:
    """The next relations after a key, which is ("", "") for the first."""
    rows = fetch_all(
        connection,
        "select r.external_userid, r.userid, r.corp_tag_ids from relation r "  # noqa: S608 - constants
        f"where {_conditions(choice)} and (r.external_userid, r.userid) > (:after_contact, :after_userid) "
        "order by r.external_userid, r.userid limit :limit",
        after_contact=after[0],
        after_userid=after[1],
        limit=limit,
        **_parameters(tenant_id, choice),
    )
    return [
        Chosen(
            ExternalUserId(row["external_userid"]),
            UserId(row["userid"]),
            None if row["corp_tag_ids"] is None else frozenset(row["corp_tag_ids"]),
        )
        for row in rows
    ]


def count_active_of(connection: Connection, tenant_id: TenantId, userids: Sequence[UserId]) -> dict[UserId, int]:
    """How many friendships each associate has that last."""
    rows = fetch_all(
        connection,
        "select userid, count(*) as n from relation where tenant_id = :tenant_id and userid = any(:userids) "
        "and state = 'active' group by userid",
        tenant_id=tenant_id,
        userids=list(userids),
    )
    return {UserId(row["userid"]): int(row["n"]) for row in rows}
