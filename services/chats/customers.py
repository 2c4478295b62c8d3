"""Tags for every customer inside a chat: local ones at once, corp tags through bulk jobs (TAG-7, TAG-2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.bulk.store import ask_job
from services.chats.listing import CHAT, check_known
from services.chats.model import LOCAL, ChatRefusedError, NoSuchChatTagError
from services.customers.choice import Choice
from services.customers.choosing import count_chosen
from services.intents.model import Source
from services.persons.store import lock_customers, touch
from shared.audit import Change
from shared.db.engine import fetch_all, fetch_one
from shared.ids import CustomerId, TenantId


@dataclass(frozen=True)
class TagsAsked:
    """Corp tags by their ids, local ones as local:ID."""

    add: Sequence[str]
    remove: Sequence[str]

    def corp(self, tags: Sequence[str]) -> list[str]:
        return [one for one in dict.fromkeys(tags) if not one.startswith(LOCAL)]

    def local(self, tags: Sequence[str]) -> list[int]:
        return [int(one.removeprefix(LOCAL)) for one in dict.fromkeys(tags) if one.startswith(LOCAL)]


@dataclass(frozen=True)
class Tagged:
    customers: int
    local_added: int
    local_removed: int
    relations: int
    job_ids: list[int]


def tag_customers_of(
    connection: Connection,
    tenant_id: TenantId,
    chat_id: str,
    asked: TagsAsked,
    *,
    author: str,
    by: str,
    reason: str | None,
    now: datetime,
) -> tuple[Tagged, Change]:
    """`author` stands in the jobs, `by` beside the local tags. Who joins later is not tagged.

    Raises:
        NoSuchChatError, NoSuchChatTagError, ChatRefusedError, JobRefusedError: nothing was written.
    """
    check_known(connection, tenant_id, [chat_id])
    inside = _customers_in(connection, tenant_id, chat_id)
    # Who was merged meanwhile is their master by now; rows are locked in the order of their ids.
    customers = sorted(set(lock_customers(connection, tenant_id, inside).values()))
    added, removed = _tag_locally(connection, tenant_id, customers, asked, by=by, now=now)
    relations, job_ids = 0, []
    for tags, choice in (
        (asked.corp(asked.add), Choice(chats=(chat_id,), assigned=True)),
        (asked.corp(asked.remove), Choice(chats=(chat_id,))),
    ):
        if not tags:
            continue
        putting = choice.assigned
        relations += count_chosen(connection, tenant_id, choice) if putting else 0
        job_ids.append(
            ask_job(
                connection,
                tenant_id,
                add=tags if putting else (),
                remove=() if putting else tags,
                choice=choice,
                author=author,
                source=Source.API,
                reason=reason,
                now=now,
            )
        )
    tagged = Tagged(len(customers), added, removed, relations, job_ids)
    after = {"add": list(asked.add), "remove": list(asked.remove), **vars(tagged)}
    return tagged, Change("chat.customers_tagged", CHAT, chat_id, {}, after)


def _customers_in(connection: Connection, tenant_id: TenantId, chat_id: str) -> list[CustomerId]:
    rows = fetch_all(
        connection,
        "select distinct e.customer_id as id from group_member m join external_contact e on e.tenant_id = m.tenant_id "
        "and e.external_userid = m.member_id where m.tenant_id = :tenant_id and m.chat_id = :chat_id "
        "and m.left_at is null and m.kind = 'customer' and e.customer_id is not null order by 1",
        tenant_id=tenant_id,
        chat_id=chat_id,
    )
    return [CustomerId(row["id"]) for row in rows]


def _tag_locally(
    connection: Connection,
    tenant_id: TenantId,
    customers: Sequence[CustomerId],
    asked: TagsAsked,
    *,
    by: str,
    now: datetime,
) -> tuple[int, int]:
    add, remove = asked.local(asked.add), asked.local(asked.remove)
    if not add and not remove:
        return 0, 0
    _check_local(connection, tenant_id, [*add, *remove])
    row = fetch_one(
        connection,
        "with added as (insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) "
        "select :tenant_id, customer_id, tag_id, :now, :by from unnest(cast(:customers as bigint[])) as customer_id, "
        "unnest(cast(:add as bigint[])) as tag_id order by 2, 3 on conflict do nothing returning customer_id), "
        "removed as (delete from customer_tag where tenant_id = :tenant_id "
        "and customer_id = any(cast(:customers as bigint[])) and tag_id = any(cast(:remove as bigint[])) "
        "returning customer_id) select (select array_agg(customer_id) from added) as added, "
        "(select array_agg(customer_id) from removed) as removed",
        tenant_id=tenant_id,
        customers=list(customers),
        add=add,
        remove=remove,
        now=now,
        by=by,
    )
    assert row is not None
    added, removed = row["added"] or [], row["removed"] or []
    touch(connection, tenant_id, [CustomerId(one) for one in {*added, *removed}], now=now)
    return len(added), len(removed)


def _check_local(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[int]) -> None:
    """Each is a manual tag of customers that is there, and stays there until the transaction ends."""
    rows = fetch_all(
        connection,
        "select t.id, t.kind from local_tag t join local_tag_group g on g.tenant_id = t.tenant_id "
        "and g.id = t.group_id where t.tenant_id = :tenant_id and t.id = any(cast(:ids as bigint[])) "
        "and t.deleted_at is null and g.of = 'customer' and g.deleted_at is null order by t.id for share of t",
        tenant_id=tenant_id,
        ids=list(tag_ids),
    )
    if set(tag_ids) - {row["id"] for row in rows}:
        raise NoSuchChatTagError("one of the local tags is no tag of customers (any more)")
    if any(row["kind"] != "manual" for row in rows):
        raise ChatRefusedError("one of the tags is automatic: rules give and take it, nobody does by hand")
