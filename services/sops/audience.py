"""Who is meant by a rule, as SQL: over `customer_card k`, or over `group_chat g`. Pure.

Asked of some customers or chats (`f_ids`), or of all. Outlets and associates are those of whoever is responsible: the
assigned associate, of a pool customer who is to add them, of a chat its owner.
"""

from collections.abc import Mapping

from services.finding.compile import condition
from services.finding.giving import Context
from services.finding.model import Filter
from services.sops.model import Audience

RESPONSIBLE = "coalesce(k.assigned_userid, k.pool_userid)"
Asked = tuple[str, Mapping[str, object]]


def customers(audience: Audience, filter_: Filter | None, context: Context, *, each: bool) -> Asked:
    """A condition about `customer_card k`. `filter_`: the audience's, parsed."""
    sql, given = condition(filter_, context, each=each) if filter_ else ("k.tenant_id = :f_tenant", {})
    where, also = _responsible(audience, RESPONSIBLE)
    return " and ".join([sql, *where]), {"f_tenant": context.tenant_id, **given, **also}


def chats(audience: Audience, context: Context) -> Asked:
    """A condition about `group_chat g`; chats that are over, or out of sight, are not meant."""
    where, given = _responsible(audience, "g.owner_userid")
    chosen = []
    if audience.chat_ids:
        chosen.append("g.chat_id = any(:a_chats)")
        given["a_chats"] = list(audience.chat_ids)
    if audience.folder_ids:
        chosen.append(
            "exists (select from chat_own o where o.tenant_id = :f_tenant and o.chat_id = g.chat_id "
            "and o.folder_id = any(:a_folders))"
        )
        given["a_folders"] = list(audience.folder_ids)
    if chosen:
        where.append(f"({' or '.join(chosen)})")
    there = "g.tenant_id = :f_tenant and g.dismissed_at is null and g.out_of_sight_at is null"
    return " and ".join([there, *where]), {"f_tenant": context.tenant_id, **given}


def _responsible(audience: Audience, userid: str) -> tuple[list[str], dict[str, object]]:
    where, given = [], dict[str, object]()
    if audience.userids:
        where.append(f"{userid} = any(:a_userids)")
        given["a_userids"] = list(audience.userids)
    if audience.outlet_ids:
        where.append(
            f"{userid} in (with recursive d(id) as (select unnest(cast(:a_outlets as bigint[])) union "  # noqa: S608
            "select o.department_id from outlet o join d on o.parent_id = d.id where o.tenant_id = :f_tenant "
            "and o.gone_at is null) select a.userid from associate a join d on a.main_department_id = d.id "
            "where a.tenant_id = :f_tenant and a.gone_at is null)"
        )
        given["a_outlets"] = list(audience.outlet_ids)
    return where, given
