"""Members, one by one: after an event, or when somebody or something names one that is not known.

An event of a new userid needs a look at both; then everything that is kept under the old one moves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.associates.model import (
    ASSOCIATE,
    Alias,
    AssociateRenamed,
    Evidence,
    EvidenceKind,
    ObservedAssociate,
    Renaming,
    renamings_of,
)
from services.associates.record import Provenance
from services.associates.store import load_aliases, load_evidence, lock_directory
from services.notices.store import Caused, record_facts_and_notices
from services.renames.plan import Judgement, Verdict, judge_renaming
from services.renames.store import move_relations, rename
from shared.ids import UserId
from shared.requests import Leased, Subject
from shared.wecom.clients import DIRECTORY
from sync_worker.reconcilers import LookAgain, Looking, Recorded, Recording, Seen, Shell
from sync_worker.reconcilers.directory import lags_of, plan_members, read_member, record_member_plans

AFTERCARE = timedelta(minutes=2)
"""After a member got a new userid, reads that were on their way may bring rows of the old one back for so long."""


@dataclass(frozen=True)
class Sighting:
    """A read of one member, and of others that it had to be compared with."""

    observed: ObservedAssociate
    others: Mapping[UserId, ObservedAssociate] = field(default_factory=dict)


def observe(looking: Looking, leased: Leased) -> Sighting:
    return Sighting(_read(looking, UserId(leased.subject.key)))


def confirm(looking: Looking, seen: Seen, userids: Collection[UserId]) -> Sighting:
    """With reads of those that the member seems to be the same as."""
    sighting: Sighting = seen.observation
    others = {userid: _read(looking, userid) for userid in sorted(userids)}
    return replace(sighting, others={**sighting.others, **others})


def _read(looking: Looking, userid: UserId) -> ObservedAssociate:
    return read_member(looking.client(), looking.client(DIRECTORY), userid, now=looking.now)


@dataclass
class _Batch:
    """What the members of one transaction come to."""

    recording: Recording
    why: dict[UserId, Provenance]
    reads: dict[UserId, ObservedAssociate]
    left_out: set[UserId] = field(default_factory=set)
    asked: dict[UserId, set[UserId]] = field(default_factory=dict)
    again: dict[UserId, LookAgain] = field(default_factory=dict)
    renamed: list[Caused] = field(default_factory=list)

    def look_again(self, userid: UserId, at: datetime, reason: str) -> None:
        if userid not in self.again or at < self.again[userid].at:
            self.again[userid] = LookAgain(at, reason)


def record(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    tenant = recording.tenant
    lock_directory(connection, tenant.id)
    subjects = {UserId(one.leased.subject.key): one for one in seen}
    batch = _Batch(recording, {key: _why(one) for key, one in subjects.items()}, _reads(seen))
    evidence = load_evidence(connection, tenant.id, ASSOCIATE, list(subjects))
    aliases = load_aliases(connection, tenant.id, list(subjects))
    for renaming in renamings_of(evidence, aliases):
        _judge(connection, batch, renaming, evidence)
    _look_after(connection, batch, load_aliases(connection, tenant.id, list(subjects)))
    shown = {key: one for key, one in batch.reads.items() if key not in batch.left_out and key in batch.why}
    for key, one in shown.items():  # WeCom compares userids without case, and answers with its own
        batch.why.setdefault(one.userid, batch.why[key])
    plans = plan_members(connection, recording, list(shown.values()))
    notices = record_member_plans(connection, recording, plans, batch.why)
    notices += record_facts_and_notices(
        connection, tenant, batch.renamed, now=recording.now, ttl_s=recording.settings.message_ttl_s
    )
    for plan in plans:
        if plan.look_again_at is not None:
            batch.look_again(plan.userid, plan.look_again_at, "WeCom's read may be behind its event")
    return _recorded(batch, subjects, notices)


def _recorded(batch: _Batch, subjects: Mapping[UserId, Seen], notices: int) -> Recorded:
    def subject(userid: UserId) -> Subject:
        return subjects[userid].leased.subject

    return Recorded(
        look_again={
            subject(key): one for key, one in batch.again.items() if key in subjects and key not in batch.asked
        },
        unconfirmed={subject(key): frozenset(userids) for key, userids in batch.asked.items()},
        notices=notices,
    )


def _why(seen: Seen) -> Provenance:
    return Provenance(seen.leased.cause, seen.leased.caused_by)


def _reads(seen: Sequence[Seen]) -> dict[UserId, ObservedAssociate]:
    """What this transaction knows of each userid: its own read, or one that another was compared with."""
    reads: dict[UserId, ObservedAssociate] = {}
    for one in seen:
        reads |= one.observation.others
    for one in seen:
        reads[UserId(one.leased.subject.key)] = one.observation.observed
    return reads


def _judge(
    connection: Connection, batch: _Batch, renaming: Renaming, evidence: Mapping[str, Sequence[Evidence]]
) -> None:
    both = (renaming.old, renaming.new)
    concerned = [userid for userid in both if userid in batch.why]
    unread = {userid for userid in both if userid not in batch.reads}
    if unread:
        batch.left_out |= set(both)
        for userid in concerned:
            batch.asked.setdefault(userid, set()).update(unread)
        return
    judgement = _judgement(batch, renaming, evidence)
    if judgement.look_again_at is not None:
        batch.left_out |= set(both)
        for userid in concerned:
            batch.look_again(userid, judgement.look_again_at, "WeCom's reads do not show the new userid yet")
    elif judgement.verdict is Verdict.TRUE:
        why = Provenance("event", renaming.caused_by)
        fact = rename(connection, batch.recording.tenant, renaming, why, now=batch.recording.now)
        batch.why.setdefault(renaming.new, why)
        if isinstance(fact, AssociateRenamed):
            batch.renamed.append(Caused(fact, "event", renaming.caused_by))


def _judgement(batch: _Batch, renaming: Renaming, evidence: Mapping[str, Sequence[Evidence]]) -> Judgement:
    created = [one.occurred_at for one in evidence.get(renaming.old, ()) if one.kind is EvidenceKind.CREATED]
    return judge_renaming(
        renaming,
        batch.reads[renaming.old],
        batch.reads[renaming.new],
        taken_at=max(created, default=None),
        lags=lags_of(batch.recording.settings),
    )


def _look_after(connection: Connection, batch: _Batch, aliases: Sequence[Alias]) -> None:
    """What late reads have brought back under an old userid moves again."""
    for alias in aliases:
        if alias.old_userid in batch.why and alias.ended_at is None:
            renaming = Renaming(alias.old_userid, alias.new_userid, alias.renamed_at)
            why = batch.why[alias.old_userid]
            move_relations(connection, batch.recording.tenant, renaming, why, now=batch.recording.now)
            if batch.recording.now - alias.recorded_at < AFTERCARE:
                batch.look_again(
                    alias.old_userid, alias.recorded_at + AFTERCARE, "rows of the old userid may come late"
                )


ASSOCIATES = Shell(ASSOCIATE, observe, record, confirm)
