"""The catalogue of corp tags: one read shows all of it (TAG-2). Tags of rule groups are not part of it.

An app reads only the rule groups' tags that it made itself, and this one makes none: their ids stay unknown here.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import structlog
from sqlalchemy import Connection

from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause
from services.tags.draft import Bounds, CataloguePlan
from services.tags.model import TAG_CATALOGUE, Catalogue, Observed, ObservedGroup, ObservedTag, SecondLook
from services.tags.plan import plan_catalogue
from services.tags.store import load_catalogue, load_deletions, record_catalogue
from shared.clock import from_unix
from shared.ids import TagGroupId, TagId
from shared.requests import Leased
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComError
from shared.wecom.payloads.tags import Tag, TagGroup
from sync_worker.reconcilers import LookAgain, Looking, Recorded, Recording, Seen, Shell

UNKNOWN_ID = 40068
GROUPS_A_CALL = 100
MOST_CALLS = 100
"""For second looks. WeCom refuses a whole list for one unknown id, so that many of those cost a call each."""

log = structlog.get_logger()


def _observe(looking: Looking, _leased: Leased) -> Observed:
    groups = looking.client().tags.list()
    return Observed(tuple(_observed(group) for group in groups), looking.now)


def _confirm(looking: Looking, seen: Seen, group_ids: frozenset[TagGroupId]) -> Observed:
    """Second looks, by their ids, at groups of which a full read lacked something."""
    return replace(cast(Observed, seen.observation), looks=second_looks(looking.client(), sorted(group_ids)))


def second_looks(client: WeComClient, group_ids: Sequence[TagGroupId]) -> dict[TagGroupId, SecondLook]:
    """A look at each group; when too many are unknown to WeCom, some are left out."""
    waiting = [group_ids[at : at + GROUPS_A_CALL] for at in range(0, len(group_ids), GROUPS_A_CALL)]
    found: dict[TagGroupId, SecondLook] = {}
    for _ in range(MOST_CALLS):
        if not waiting:
            break
        asked = waiting.pop()
        try:
            shown = {TagGroupId(one.group_id): _second_look(one) for one in client.tags.list(group_ids=asked)}
            found |= {one: shown.get(one, SecondLook()) for one in asked}
        except WeComError as error:
            if error.code != UNKNOWN_ID:
                raise
            if len(asked) == 1:
                found[asked[0]] = SecondLook(refused=True)
            else:
                half = len(asked) // 2
                waiting += [asked[:half], asked[half:]]
    return found


def _second_look(group: TagGroup) -> SecondLook:
    deleted = frozenset(TagId(tag.tag_id) for tag in group.tags or () if tag.deleted)
    living = _observed(group)
    gone = bool(group.deleted) or (bool(deleted) and not living.tags)
    return SecondLook(None if gone else living, deleted)


def _observed(group: TagGroup) -> ObservedGroup:
    """A read by id shows deleted tags too; they are not part of what lives."""
    living = None if group.tags is None else tuple(_tag(tag) for tag in group.tags if not tag.deleted)
    return ObservedGroup(TagGroupId(group.group_id), group.group_name, group.order, _time(group.create_time), living)


def _tag(tag: Tag) -> ObservedTag:
    return ObservedTag(TagId(tag.tag_id), tag.name, tag.order, _time(tag.create_time))


def _time(seconds: int | None) -> datetime | None:
    return from_unix(seconds) if seconds and seconds > 0 else None


def _record(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    """A tenant has one catalogue, so a batch has one at most."""
    (one,) = seen
    observed, subject = cast(Observed, one.observation), one.leased.subject
    plan = plan_tags(connection, recording, observed, load_catalogue(connection, recording.tenant.id))
    if plan.unconfirmed:
        return Recorded(unconfirmed={subject: plan.unconfirmed})
    if plan.withheld:
        log.warning("tags.deletions_withheld", tenant_id=recording.tenant.id, reason=plan.withheld)
    notices = record_plan(
        connection,
        recording,
        plan,
        observed_at=observed.observed_at,
        cause=cast(Cause, one.leased.cause),
        caused_by=one.leased.caused_by,
    )
    if plan.look_again_at is None:
        return Recorded(notices=notices)
    again = LookAgain(plan.look_again_at, "WeCom's list of tags may be behind")
    return Recorded({subject: again}, notices=notices)


def plan_tags(connection: Connection, recording: Recording, observed: Observed, recorded: Catalogue) -> CataloguePlan:
    """What a read makes of the recorded catalogue; writes nothing."""
    settings = recording.settings
    bounds = Bounds(timedelta(seconds=settings.deletion_lag_s), settings.guard_share, settings.guard_floor)
    return plan_catalogue(observed, recorded, load_deletions(connection, recording.tenant.id), bounds=bounds)


def record_plan(
    connection: Connection,
    recording: Recording,
    plan: CataloguePlan,
    *,
    observed_at: datetime,
    cause: Cause,
    caused_by: str | None,
) -> int:
    """Write a plan with its facts; the number of notices that wait because of it."""
    tenant = recording.tenant
    record_catalogue(connection, tenant.id, plan, observed_at=observed_at, cause=cause, caused_by=caused_by)
    caused = [Caused(fact, cause, caused_by) for fact in plan.facts]
    return record_facts_and_notices(
        connection, tenant, caused, now=recording.now, ttl_s=recording.settings.message_ttl_s
    )


CATALOGUE = Shell(TAG_CATALOGUE, _observe, _record, _confirm)
