"""Somebody wants tags or groups made, renamed, put in another order or deleted: checked, kept, and due."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from services.catalogue.asking import Asking
from services.catalogue.model import Asked, TagCatalogueEditSettled
from services.catalogue.view import View
from services.intents.model import CAUSES, IntentState, Settled, Source
from services.intents.store import NEWER, load_open, record_settled, record_wishes
from services.intents.store import Asked as Wished
from services.tags.model import CORP, TAG_CATALOGUE
from services.tags.store import load_catalogue
from shared.ids import TenantId
from shared.requests import OPERATOR, Subject, Wanted, want
from shared.tenants import Tenant


def catalogue_subject(tenant_id: TenantId) -> Subject:
    return Subject(tenant_id, TAG_CATALOGUE, CORP)


def ask_catalogue(
    connection: Connection,
    tenant: Tenant,
    asked: Sequence[Asked],
    *,
    author: str,
    source: Source,
    reason: str | None,
    now: datetime,
) -> tuple[TagCatalogueEditSettled, ...]:
    """Keep what is asked for as intents, and have the catalogue looked at: whoever does so pushes them.

    The facts that are to be recorded with it: older wishes that gave way.

    Raises:
        WishRefusedError: WeCom could only refuse one of them; the caller rolls back.
    """
    if not asked:
        return ()
    subject, cause = catalogue_subject(tenant.id), CAUSES[source]
    want(connection, [Wanted(subject, OPERATOR, cause, f"{cause}:{author}")], now=now)
    asking = Asking(load_catalogue(connection, tenant.id), load_open(connection, tenant, subject), now)
    for one in asked:
        asking.add(one, fresh=uuid4().hex)
    ended = [Settled(intent, IntentState.SUPERSEDED, NEWER) for intent in asking.ended]
    gave_way = record_settled(connection, tenant.id, ended, now=now)
    wishes = [Wished(subject, wish, frozenset(seen)) for wish, seen in asking.wishes.values()]
    replaced = record_wishes(connection, tenant, wishes, author=author, source=source, reason=reason, now=now)
    gave_way += [settled for _, settled in replaced]
    return tuple(TagCatalogueEditSettled.of(one, at=now) for one in gave_way)


def load_view(connection: Connection, tenant: Tenant) -> View:
    """The catalogue as it is shown: recorded, with the open wishes laid over it."""
    intents = load_open(connection, tenant, catalogue_subject(tenant.id))
    return View.of_rows(load_catalogue(connection, tenant.id)).with_wishes(intents)
