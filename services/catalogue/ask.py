"""Somebody wants tags or groups made, renamed, put in another order or deleted: checked, kept, and due."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from services.catalogue.check import check_asked, known_of, moot, reopened, same_new
from services.catalogue.model import NEW, Asked, NewTag, field_of
from services.catalogue.view import View
from services.intents.model import CAUSES, NOBODY, Intent, IntentState, Settled, Source, Value, Wish
from services.intents.store import NEWER, load_open, record_settled, record_wishes
from services.tags.model import CORP, TAG_CATALOGUE, Catalogue
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
) -> None:
    """Keep what is asked for as intents, and have the catalogue looked at: whoever does so pushes them.

    Raises:
        WishRefusedError: WeCom could only refuse one of them; the caller rolls back.
    """
    if not asked:
        return
    subject, cause = catalogue_subject(tenant.id), CAUSES[source]
    want(connection, [Wanted(subject, OPERATOR, cause, f"{cause}:{author}")], now=now)
    recorded = load_catalogue(connection, tenant.id)
    for one in asked:
        # Each over what the ones before it leave, as it will be pushed.
        intents = load_open(connection, tenant, subject)
        view = View.of_rows(recorded).with_wishes(intent for intent in intents if not reopened(intent, one))
        check_asked(one, view, recorded)
        ended = [Settled(intent, IntentState.SUPERSEDED, NEWER) for intent in moot(intents, one, recorded)]
        record_settled(connection, tenant.id, ended, now=now)
        wish, seen = _wish(one, recorded, intents)
        record_wishes(connection, tenant, subject, {wish: seen}, author=author, source=source, reason=reason, now=now)


def _wish(asked: Asked, recorded: Catalogue, intents: Sequence[Intent]) -> tuple[Wish, Sequence[Value]]:
    if isinstance(asked, NewTag):
        before = same_new(intents, asked)
        field = before.field if before is not None else field_of(NEW, uuid4().hex)
        return Wish(NOBODY, field, asked.written()), ()
    field, desired, seen = known_of(asked, recorded, intents)
    return Wish(NOBODY, field, desired), seen


def load_view(connection: Connection, tenant: Tenant) -> View:
    """The catalogue as it is shown: recorded, with the open wishes laid over it."""
    intents = load_open(connection, tenant, catalogue_subject(tenant.id))
    return View.of_rows(load_catalogue(connection, tenant.id)).with_wishes(intents)
