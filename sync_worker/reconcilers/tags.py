"""The catalogue of corp tags: one read shows all of it, and what people want of it is written (TAG-2).

Tags of rule groups are not part of it.

An app reads only the rule groups' tags that it made itself, and this one makes none: their ids stay unknown here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

import structlog
from sqlalchemy import Connection

from services.catalogue.ask import catalogue_subject
from services.catalogue.credit import Doing, credit_of, deleted_by_us, doing_of, doing_of_end
from services.catalogue.model import DELETED_TAGS, TagCatalogueEditSettled
from services.catalogue.plan import plan_ended
from services.intents.model import TAG, Settled
from services.intents.store import load_open, record_settled, subjects_wanting
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause
from services.tags.draft import Bounds, CataloguePlan
from services.tags.model import CORP, TAG_CATALOGUE, Catalogue, Observed, ObservedGroup, ObservedTag, SecondLook
from services.tags.plan import applied, plan_catalogue
from services.tags.store import load_catalogue, load_deletions, record_catalogue
from shared.clock import from_unix
from shared.ids import TagGroupId, TagId
from shared.requests import BACKFILL, Leased, Subject, Wanted, want
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComError
from shared.wecom.payloads.tags import Tag, TagGroup
from sync_worker.pushing import NOTHING_WANTED, Written
from sync_worker.reconcilers import LookAgain, Looking, Recorded, Recording, Seen, Shell
from sync_worker.tag_writeback import read_back, write_wishes

UNKNOWN_ID = 40068
GROUPS_A_CALL = 100
MOST_CALLS = 100
"""For second looks. WeCom refuses a whole list for one unknown id, so that many of those cost a call each."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Sighting:
    """One read of the catalogue, after the pushes if there were any; `written`: what became of the wishes for it."""

    observed: Observed
    written: Written = NOTHING_WANTED


def _observe(looking: Looking, leased: Leased) -> Sighting:
    observed = _read(looking)
    pushing = write_wishes(looking, leased, observed) if leased.writes and looking.runtime is not None else None
    if pushing is None:
        return Sighting(observed)
    if not pushing.ours:
        return Sighting(observed, pushing.written)
    observed = _read(looking)
    return Sighting(observed, read_back(looking, pushing, observed))


def _read(looking: Looking) -> Observed:
    groups = looking.client().tags.list()
    return Observed(tuple(_observed(group) for group in groups), looking.now)


def _confirm(looking: Looking, seen: Seen, group_ids: frozenset[TagGroupId]) -> Sighting:
    """Second looks, by their ids, at groups of which a full read lacked something."""
    sighting = cast(Sighting, seen.observation)
    observed = replace(sighting.observed, looks=second_looks(looking.client(), sorted(group_ids)))
    return replace(sighting, observed=observed)


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
    sighting, subject, tenant_id = cast(Sighting, one.observation), one.leased.subject, recording.tenant.id
    written, observed = sighting.written, sighting.observed
    recorded = load_catalogue(connection, tenant_id)
    by_us = deleted_by_us(written.ours, written.settled, at=observed.observed_at)
    plan = plan_tags(connection, recording, observed, recorded, by_us=by_us)
    if plan.unconfirmed:
        return Recorded(unconfirmed={subject: plan.unconfirmed})
    if plan.withheld:
        log.warning("tags.deletions_withheld", tenant_id=tenant_id, reason=plan.withheld)
    why = Doing(cast(Cause, one.leased.cause), one.leased.caused_by)
    done = record_plan(
        connection, recording, plan, recorded, observed_at=observed.observed_at, why=why, written=written
    )
    wishes_at = None
    if written.again_s is not None and done.open_wishes:
        wishes_at = observed.observed_at + timedelta(seconds=written.again_s)
    if plan.look_again_at is not None:
        at = min(plan.look_again_at, wishes_at or plan.look_again_at)
        return Recorded({subject: LookAgain(at, "WeCom's list of tags may be behind")}, notices=done.notices)
    if wishes_at is not None:
        # What is recorded is settled, so that a pass which waits for it goes on.
        want(connection, [Wanted(subject, one.leased.lane, *why)], now=recording.now, at=wishes_at)
    return Recorded(notices=done.notices)


def plan_tags(
    connection: Connection,
    recording: Recording,
    observed: Observed,
    recorded: Catalogue,
    *,
    by_us: Mapping[str, datetime] = MappingProxyType({}),
) -> CataloguePlan:
    """What a read makes of the recorded catalogue; writes nothing. `by_us`: what we had deleted, and when."""
    settings = recording.settings
    bounds = Bounds(timedelta(seconds=settings.deletion_lag_s), settings.guard_share, settings.guard_floor)
    deletions = {**load_deletions(connection, recording.tenant.id), **by_us}
    return plan_catalogue(observed, recorded, deletions, bounds=bounds)


@dataclass(frozen=True)
class Done:
    """`notices`: how many deliveries wait because of it; `open_wishes`: whether something is still wanted."""

    notices: int
    open_wishes: bool


def record_plan(
    connection: Connection,
    recording: Recording,
    plan: CataloguePlan,
    recorded: Catalogue,
    *,
    observed_at: datetime,
    why: Doing,
    written: Written = NOTHING_WANTED,
) -> Done:
    """Write a plan with its facts, end wishes, and have relations looked after that carry what was deleted."""
    tenant, now = recording.tenant, recording.now
    ended, is_open = _end_wishes(connection, recording, applied(recorded, plan), written)
    credit = credit_of(plan, recorded, ours=written.ours, settled=ended)
    record_catalogue(connection, tenant.id, plan, observed_at=observed_at, why=why, whys=credit.rows)
    _look_after_relations(connection, recording, plan, recorded, why)
    caused = [Caused(fact, *doing_of(fact, credit, other=why)) for fact in plan.facts]
    caused += [Caused(TagCatalogueEditSettled.of(one, at=now), *doing_of_end(one)) for one in ended]
    notices = record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=recording.settings.message_ttl_s)
    return Done(notices, is_open)


def _end_wishes(
    connection: Connection, recording: Recording, after: Catalogue, written: Written
) -> tuple[list[Settled], bool]:
    tenant = recording.tenant
    intents = load_open(connection, tenant, catalogue_subject(tenant.id))
    gone = plan_ended(intents, after, settled={one.intent.id for one in written.settled})
    ended = record_settled(connection, tenant.id, [*written.settled, *gone], now=recording.now)
    return ended, len(intents) > len(ended)


def _look_after_relations(
    connection: Connection, recording: Recording, plan: CataloguePlan, recorded: Catalogue, why: Doing
) -> None:
    """Deleted tags are taken off relations' rows; contacts of whom such a tag is wanted are looked at."""
    tenant_id = recording.tenant.id
    gone = [one.tag_id for one in plan.tags if one.deleted_at is not None and one.tag_id in recorded.tags]
    if gone:
        wanting = subjects_wanting(connection, tenant_id, [f"{TAG}{one}" for one in gone])
        subjects = [*wanting, Subject(tenant_id, DELETED_TAGS, CORP)]
        want(connection, [Wanted(one, BACKFILL, *why) for one in subjects], now=recording.now)


CATALOGUE = Shell(TAG_CATALOGUE, _observe, _record, _confirm)
