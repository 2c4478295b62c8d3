"""Plans and records what was seen of contacts: mirror, facts, assignment, what rules enforce; many of a tenant at once.

Whoever has looked at contacts comes here: one by one after events, page by page in passes and bulk jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.assignment.plan import AssignmentPlan, plan_assignment
from services.assignment.store import load_assignments, load_decisions, record_assignments
from services.associates.model import ASSOCIATE
from services.associates.store import unknown_associates
from services.customers.model import (
    CONTACT,
    Absence,
    Evidence,
    Observed,
    Recorded,
    Relation,
    RelationEdited,
    without_tags,
)
from services.customers.plan import ContactPlan, Lags, plan_contact
from services.customers.record import Provenance, record_contacts
from services.customers.store import load_evidence, load_recorded
from services.intents.edits import came_true, edited_by_others
from services.intents.model import IntentState
from services.intents.rules import Enforced, Looked, enforce
from services.intents.store import load_open_of, record_settled
from services.joining.recognise import Shown, notice
from services.loss.plan import StandingPlan, plan_standing
from services.loss.store import load_standings, record_standings
from services.notices.store import Caused, record_facts_and_notices
from services.persons.store import touch
from services.planning import Cause, Fact
from services.tags.store import dead_tags
from services.transfers.model import Kind
from services.transfers.store import hint, load_of_subjects
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.inbox import oldest_new
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.settings import Settings
from shared.tenants import Tenant
from sync_worker.pushing import NOTHING_WANTED
from sync_worker.pushing import Written as Pushed
from sync_worker.reconcilers.handed_over import givers_under_way, handovers_of, told_by_handover

SOON = timedelta(seconds=2)


@dataclass(frozen=True)
class Sighting:
    """One observation with its cause, and what a second look said of the relations that it did not show."""

    observed: Observed
    cause: Cause
    caused_by: str | None
    absences: Mapping[UserId, Absence] | None = None
    told: tuple[Evidence, ...] = ()
    """What the directory tells of the relations, beside the events."""
    written: Pushed = NOTHING_WANTED
    """What became of the wishes for its relations."""
    verbatim: bool = True
    """Off: tags that are deleted were left out."""

    @property
    def key(self) -> ExternalUserId:
        return self.observed.external_userid


@dataclass(frozen=True)
class Result:
    """What became of one sighting. With `unconfirmed`, nothing of it was recorded: look a second time first."""

    unconfirmed: frozenset[UserId] = frozenset()
    look_again_at: datetime | None = None
    verbatim: bool = True


@dataclass(frozen=True)
class Written:
    """`notices`: how many deliveries wait because of it."""

    results: Mapping[ExternalUserId, Result]
    notices: int


def without_dead_tags(connection: Connection, tenant: Tenant, sightings: Sequence[Sighting]) -> list[Sighting]:
    """WeCom may show a deleted tag on its customers for a while; what the catalogue says counts."""
    shown = {tag for s in sightings for one in s.observed.relations for tag in one.notes.corp_tag_ids or ()}
    dead = dead_tags(connection, tenant.id, shown)
    if not dead:
        return list(sightings)
    living = [without_tags(s.observed, dead) for s in sightings]
    return [
        s if seen is s.observed else replace(s, observed=seen, verbatim=False)
        for s, seen in zip(sightings, living, strict=True)
    ]


def plan(
    connection: Connection, settings: Settings, tenant: Tenant, sightings: Sequence[Sighting]
) -> tuple[dict[ExternalUserId, Recorded], dict[ExternalUserId, ContactPlan]]:
    """What is recorded of the contacts, and what the sightings make of it; writes nothing."""
    keys = [sighting.key for sighting in sightings]
    recorded = load_recorded(connection, tenant, keys)
    evidence = load_evidence(connection, tenant, keys)
    lags = Lags(timedelta(seconds=settings.deletion_lag_s), timedelta(seconds=settings.add_lag_s))
    # What a pass tells makes nobody listen, so it must not forestall an event that is news.
    quiet = any(s.cause in ("bootstrap", "resync") for s in sightings)
    unrouted_since = oldest_new(connection, tenant.id) if quiet else None
    transfers = load_of_subjects(connection, tenant.id, Kind.CUSTOMER, keys)
    return recorded, {
        s.key: plan_contact(
            s.observed,
            recorded[s.key],
            [*evidence[s.key], *s.told],
            absences=s.absences,
            lags=lags,
            news_since=tenant.added_at,
            unrouted_since=unrouted_since,
            moving=givers_under_way(transfers.get(s.key, ())),
        )
        for s in sightings
    }


def record(
    connection: Connection,
    settings: Settings,
    tenant: Tenant,
    sightings: Sequence[Sighting],
    *,
    now: datetime,
    decide_customers: bool = True,
) -> Written:
    """Plan and write many contacts of one tenant in the caller's transaction: mirror, facts, outbox.

    `decide_customers` off leaves assignment and standing for later (a first sync knows them at its end only).
    """
    sightings = without_dead_tags(connection, tenant, sightings)
    recorded, plans = plan(connection, settings, tenant, sightings)
    ready = [s for s in sightings if not plans[s.key].unconfirmed]
    plans |= {s.key: _without_ours(plans[s.key], recorded[s.key], s.written) for s in ready if s.written.ours}
    plans |= _without_pushed(connection, tenant, recorded, [plans[s.key] for s in ready if not s.written.ours])
    customers = record_contacts(
        connection,
        tenant,
        [plans[s.key] for s in ready],
        {s.key: Provenance(s.cause, s.caused_by, s.observed.observed_at) for s in ready},
        now=now,
    )
    transfers = load_of_subjects(connection, tenant.id, Kind.CUSTOMER, [s.key for s in ready])
    facts: dict[ExternalUserId, list[Fact]] = {
        s.key: told_by_handover(plans[s.key].facts, transfers.get(s.key, ())) for s in ready
    }
    hint(connection, tenant.id, [s.key for s in ready if s.cause == "event" and s.key in transfers], now=now)
    undecided: dict[ExternalUserId, datetime] = {}
    for s in ready:
        ended = record_settled(connection, tenant.id, s.written.settled, now=now)
        facts[s.key] += [one.fact(s.key, at=now) for one in ended]
    if decide_customers:
        states = [_state(recorded[s.key], plans[s.key], customers) for s in ready]
        lag = timedelta(seconds=settings.add_lag_s)
        known = [state for state in states if state is not None]
        undecided = decide(connection, tenant, known, facts, now=now, lag=lag)
    settled = [s.key for s in ready if s.written.settled]
    known_ids = (customers.get(key) or recorded[key].customer_id for key in settled)
    touch(connection, tenant.id, [one for one in known_ids if one is not None], now=now)
    enforced = _enforce(connection, settings, tenant, recorded, [plans[s.key] for s in ready], now=now)
    for s in ready:
        facts[s.key] += enforced.drift.get(s.key, ())
    caused = [Caused(fact, s.cause, s.caused_by) for s in ready for fact in facts[s.key]]
    caused += _recognise(connection, settings, tenant, recorded, [(s, plans[s.key]) for s in ready], now=now)
    notices = record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=settings.message_ttl_s)
    _want_associates(connection, tenant, [plans[s.key] for s in ready], now=now)
    results = {
        s.key: Result(
            plans[s.key].unconfirmed,
            _look_again_at(plans[s.key], s, undecided.get(s.key), enforced.again_at.get(s.key)),
            verbatim=s.verbatim,
        )
        for s in sightings
    }
    return Written(results, notices)


def _recognise(
    connection: Connection,
    settings: Settings,
    tenant: Tenant,
    recorded: Mapping[ExternalUserId, Recorded],
    done: Sequence[tuple[Sighting, ContactPlan]],
    *,
    now: datetime,
) -> list[Caused]:
    """Whom of the pool the contacts are, of whom something is news (POOL-9)."""
    caused: list[Caused] = []
    by_cause: dict[tuple[Cause, str | None], list[Shown]] = {}
    for s, plan in done:
        if plan.profile is not None or plan.relations:
            shown = Shown(s.key, plan.profile, _relations(recorded[s.key], plan))
            by_cause.setdefault((s.cause, s.caused_by), []).append(shown)
    for (cause, by), news in by_cause.items():
        facts = notice(connection, tenant, news, region=settings.phone_region, cause=cause, caused_by=by, now=now)
        caused += [Caused(fact, cause, by) for fact in facts]
    return caused


def _relations(recorded: Recorded, plan: ContactPlan) -> list[tuple[Relation | None, Relation]]:
    """Relations as they were and are."""
    present = dict(recorded.relations) | {relation.userid: relation for relation in plan.relations}
    return [(recorded.relations.get(userid), relation) for userid, relation in present.items()]


def _without_ours(plan: ContactPlan, recorded: Recorded, written: Pushed) -> ContactPlan:
    ours: dict[UserId, set[str]] = {}
    theirs = {one.intent.id for one in written.settled if one.state is IntentState.SUPERSEDED}
    for one in written.ours:
        if one.id in theirs:  # whatever we wrote, somebody wrote over it
            continue
        ours.setdefault(one.userid, set()).add(one.field)
    return edited_by_others(plan, recorded, ours)


def _without_pushed(
    connection: Connection,
    tenant: Tenant,
    recorded: Mapping[ExternalUserId, Recorded],
    plans: Sequence[ContactPlan],
) -> dict[ExternalUserId, ContactPlan]:
    """Edits that a page of a pass shows may be pushes of ours that nobody has read back yet."""
    edited = {one.external_userid: one for one in plans if any(isinstance(f, RelationEdited) for f in one.facts)}
    if not edited:
        return {}
    found: dict[ExternalUserId, ContactPlan] = {}
    for key, intents in load_open_of(connection, tenant, CONTACT, sorted(edited)).items():
        plan = edited[ExternalUserId(key)]
        found[plan.external_userid] = edited_by_others(plan, recorded[plan.external_userid], came_true(plan, intents))
    return found


def _enforce(
    connection: Connection,
    settings: Settings,
    tenant: Tenant,
    recorded: Mapping[ExternalUserId, Recorded],
    plans: Sequence[ContactPlan],
    *,
    now: datetime,
) -> Enforced:
    looked = [
        Looked(
            plan.external_userid,
            before := recorded[plan.external_userid].relations,
            {**before, **{relation.userid: relation for relation in plan.relations}},
        )
        for plan in plans
    ]
    return enforce(connection, tenant, looked, now=now, lag_s=settings.write_lag_s)


def _look_again_at(plan: ContactPlan, sighting: Sighting, *others: datetime | None) -> datetime | None:
    wait_s = sighting.written.again_s
    pushed = None if wait_s is None else sighting.observed.observed_at + timedelta(seconds=wait_s)
    return min((at for at in (pushed, plan.look_again_at, *others) if at is not None), default=None)


@dataclass(frozen=True)
class ContactState:
    """A contact as it stands after recording: what assignment and standing are decided from."""

    external_userid: ExternalUserId
    customer_id: CustomerId
    relations: Mapping[UserId, Relation]


def _state(
    recorded: Recorded, plan: ContactPlan, customers: Mapping[ExternalUserId, CustomerId]
) -> ContactState | None:
    customer_id = customers.get(plan.external_userid, recorded.customer_id)
    if customer_id is None:
        return None
    relations = dict(recorded.relations) | {relation.userid: relation for relation in plan.relations}
    return ContactState(plan.external_userid, customer_id, relations)


def decide(
    connection: Connection,
    tenant: Tenant,
    states: Sequence[ContactState],
    facts: dict[ExternalUserId, list[Fact]],
    *,
    now: datetime,
    lag: timedelta = timedelta(0),
) -> dict[ExternalUserId, datetime]:
    """Decide and record assignment and standing of each contact's customer; their facts join `facts`.

    `lag`: how long a new owner may be missing from reads. Returns when to look again at contacts for whom it is, or
    whose customer was merged with another one while we were looking.
    """
    assignments = load_assignments(connection, tenant.id, [state.customer_id for state in states])
    merged = [state.external_userid for state in states if state.customer_id not in assignments]
    states = [state for state in states if state.customer_id in assignments]
    ids = [state.customer_id for state in states]
    decisions = load_decisions(connection, tenant.id, ids)
    standings = load_standings(connection, tenant.id, ids)
    transfers = load_of_subjects(connection, tenant.id, Kind.CUSTOMER, [state.external_userid for state in states])
    assigned: dict[CustomerId, AssignmentPlan] = {}
    stands: dict[CustomerId, StandingPlan] = {}
    for state in states:
        one = state.customer_id
        assigned[one] = plan_assignment(
            state.relations,
            decisions[one],
            assignments[one],
            customer_id=one,
            external_userid=state.external_userid,
            handovers=handovers_of(transfers.get(state.external_userid, ()), now=now, lag=lag),
        )
        stands[one] = plan_standing(
            state.relations.values(), standings[one], customer_id=one, external_userid=state.external_userid
        )
        facts.setdefault(state.external_userid, []).extend([*assigned[one].facts, *stands[one].facts])
    record_assignments(connection, tenant.id, assigned, now=now)
    record_standings(connection, tenant.id, stands)
    later = {state.external_userid: now + max(lag, SOON) for state in states if assigned[state.customer_id].undecided}
    return later | dict.fromkeys(merged, now + SOON)


def _want_associates(connection: Connection, tenant: Tenant, plans: Sequence[ContactPlan], *, now: datetime) -> None:
    userids = {relation.userid for plan in plans for relation in plan.relations}
    if userids:
        unknown = unknown_associates(connection, tenant.id, userids)
        wishes = [Wanted(Subject(tenant.id, ASSOCIATE, userid), BACKFILL, "event") for userid in unknown]
        want(connection, wishes, now=now)
