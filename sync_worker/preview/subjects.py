"""What a look at one subject would change."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import Connection

from services.associates.model import ASSOCIATE, OUTLET, ObservedOutlet
from services.associates.store import load_associates, load_outlets
from services.customers.model import CONTACT
from services.differences import associates as of_associates
from services.differences import customers as of_customers
from services.differences import groups as of_groups
from services.differences import tags as of_tags
from services.differences.model import Outlook
from services.groups.model import CHAT
from services.tags.model import TAG_CATALOGUE
from services.tags.store import load_catalogue
from shared.requests import OPERATOR, Leased, Subject
from sync_worker.preview import View
from sync_worker.reconcilers import Seen, contact_records, members, tags
from sync_worker.reconcilers.chats import plan_chats
from sync_worker.reconcilers.directory import plan_members, plan_outlets
from sync_worker.reconcilers.shells import SHELLS
from sync_worker.reconcilers.tags import plan_tags

Compared = tuple[Outlook, Any]
"""What one observation would change, and what `confirm` should look at first, if anything."""


def preview_subject(view: View, kind: str, key: str) -> Outlook:
    """Read the subject as its shell does, a second time where the shell would, and compare.

    Raises:
        RetryableError, TerminalError: WeCom could not be read.
    """
    shell, seen = SHELLS[kind], _seen_by_nobody(view, kind, key)
    seen = replace(seen, observation=view.ask(lambda: shell.observe(view.looking, seen.leased)))
    outlook, doubt = _compare(view, seen)
    if doubt and shell.confirm is not None:
        confirm, first = shell.confirm, seen
        seen = replace(seen, observation=view.ask(lambda: confirm(view.looking, first, doubt)))
        outlook, _ = _compare(view, seen)
    return outlook


def _seen_by_nobody(view: View, kind: str, key: str) -> Seen:
    """A subject without a lease: nothing is recorded of it."""
    subject, now = Subject(view.tenant.id, kind, key), view.now
    leased = Leased(subject, 0, 0, attempts=0, lane=OPERATOR, cause="operator", caused_by=None, first_due_at=now)
    return Seen(leased, None)


def _compare(view: View, seen: Seen) -> Compared:
    with view.reading() as connection:
        return COMPARE[seen.leased.subject.kind](connection, view, seen)


def _contact(connection: Connection, view: View, seen: Seen) -> Compared:
    (sighting,) = contact_records.without_dead_tags(
        connection, view.tenant, [cast(contact_records.Sighting, seen.observation)]
    )
    recorded, plans = contact_records.plan(connection, view.runtime.settings, view.tenant, [sighting])
    return of_customers.outlook(plans[sighting.key], recorded[sighting.key]), plans[sighting.key].unconfirmed


def _chat(connection: Connection, view: View, seen: Seen) -> Compared:
    key = seen.leased.subject.key
    recorded, plans = plan_chats(connection, view.tenant, {key: seen.observation})
    return of_groups.outlook(plans[key], recorded[key]), None


def _catalogue(connection: Connection, view: View, seen: Seen) -> Compared:
    recorded = load_catalogue(connection, view.tenant.id)
    plan = plan_tags(connection, view.recording, cast(tags.Sighting, seen.observation).observed, recorded)
    return of_tags.outlook(plan, recorded), plan.unconfirmed


def _associate(connection: Connection, view: View, seen: Seen) -> Compared:
    observed = cast(members.Sighting, seen.observation).observed
    recorded = load_associates(connection, view.tenant.id, [observed.userid]).get(observed.userid)
    (plan,) = plan_members(connection, view.recording, [observed])
    return of_associates.associate_outlook(plan, recorded), None


def _outlet(connection: Connection, view: View, seen: Seen) -> Compared:
    observed = cast(ObservedOutlet, seen.observation)
    recorded = load_outlets(connection, view.tenant.id, [observed.department_id]).get(observed.department_id)
    (plan,) = plan_outlets(connection, view.recording, [observed])
    return of_associates.outlet_outlook(plan, recorded), None


COMPARE: Mapping[str, Callable[[Connection, View, Seen], Compared]] = {
    CONTACT: _contact,
    CHAT: _chat,
    TAG_CATALOGUE: _catalogue,
    ASSOCIATE: _associate,
    OUTLET: _outlet,
}
