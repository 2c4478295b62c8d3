"""Tags for every customer inside a chat: local ones at once, corp tags through bulk jobs (TAG-7, TAG-2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.bulk.store import ask_job
from services.chats.listing import CHAT, check_known
from services.chats.model import LOCAL
from services.chosen import these
from services.customers.choice import Choice
from services.customers.choosing import count_chosen
from services.intents.model import Source
from services.local_tags.giving import tag_page
from services.local_tags.model import ALL_SEEING, Tagging, Viewer
from services.local_tags.plan import facts_of, plan_tagging, usable
from services.local_tags.store import load_groups
from services.planning import Fact
from shared.audit import Change
from shared.db.engine import fetch_all
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
    viewer: Viewer = ALL_SEEING,
    now: datetime,
) -> tuple[Tagged, Change, list[Fact]]:
    """`author` stands in the jobs, `by` beside the local tags. Who joins later is not tagged.

    Raises:
        NoSuchChatError, NoTagError, TagRefusedError, JobRefusedError: the caller rolls back.
    """
    check_known(connection, tenant_id, [chat_id])
    inside = _customers_in(connection, tenant_id, chat_id)
    added, removed, facts = _tag_locally(connection, tenant_id, inside, asked, by=by, viewer=viewer, now=now)
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
    tagged = Tagged(len(inside), added, removed, relations, job_ids)
    after = {"add": list(asked.add), "remove": list(asked.remove), **vars(tagged)}
    return tagged, Change("chat.customers_tagged", CHAT, chat_id, {}, after), facts


def _customers_in(connection: Connection, tenant_id: TenantId, chat_id: str) -> list[CustomerId]:
    rows = fetch_all(
        connection,
        "select distinct coalesce(u.merged_into, u.id) as id from group_member m join external_contact e "
        "on e.tenant_id = m.tenant_id and e.external_userid = m.member_id join customer u "
        "on u.tenant_id = e.tenant_id and u.id = e.customer_id where m.tenant_id = :tenant_id "
        "and m.chat_id = :chat_id and m.left_at is null and m.kind = 'customer' order by 1",
        tenant_id=tenant_id,
        chat_id=chat_id,
    )
    return [CustomerId(row["id"]) for row in rows]


def _tag_locally(
    connection: Connection,
    tenant_id: TenantId,
    inside: Sequence[CustomerId],
    asked: TagsAsked,
    *,
    by: str,
    viewer: Viewer,
    now: datetime,
) -> tuple[int, int, list[Fact]]:
    """
    Raises:
        NoTagError, TagRefusedError
    """
    groups = usable(load_groups(connection, tenant_id), viewer)
    tagging = plan_tagging(groups, add=asked.local(asked.add), remove=asked.local(asked.remove))
    added, removed, facts = 0, 0, list[Fact]()
    after: CustomerId | None = CustomerId(0)
    while after is not None and tagging != Tagging():
        page = tag_page(connection, tenant_id, these(tenant_id, inside), tagging, after=after, by_whom=by, now=now)
        added += sum(len(ids) for ids in page.given.values())
        removed += sum(len(ids) for ids in page.taken.values())
        facts += facts_of(page.given, page.taken, at=now)
        after = page.last
    return added, removed, facts
