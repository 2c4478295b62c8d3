"""External contacts: observe (and write back what is wanted of them) → plan → record → facts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy import Connection

from services.customers.model import (
    CONTACT,
    Absence,
    Notes,
    Observed,
    ObservedRelation,
    Profile,
)
from services.intents.model import WECHAT_USER
from services.planning import Cause
from shared.clock import from_unix
from shared.ids import ExternalUserId, UserId
from shared.requests import Leased
from shared.wecom.client import WeComClient
from shared.wecom.errors import NO_MEMBER, WeComError
from shared.wecom.payloads import ContactProfile, FollowRelation
from sync_worker.reconcilers import LookAgain, Looking, Recording, Seen, Shell
from sync_worker.reconcilers import Recorded as Outcome
from sync_worker.reconcilers.contact_records import Sighting, record
from sync_worker.writeback import read_back, write_back


def observe(looking: Looking, leased: Leased) -> Sighting:
    client, key = looking.client(), ExternalUserId(leased.subject.key)
    observed = read_contact(client, key, now=looking.now)
    sighting = Sighting(observed, cast(Cause, leased.cause), leased.caused_by)
    written = write_back(looking, leased, observed) if leased.writes and looking.runtime is not None else None
    if written is None:
        return sighting
    if written.ours:
        observed = read_contact(client, key, now=looking.now)
        written = read_back(looking, written, observed)
    return replace(sighting, observed=observed, written=written)


def read_contact(client: WeComClient, external_userid: ExternalUserId, *, now: datetime) -> Observed:
    read = client.contacts.get(external_userid)
    kind = read.profile.type if read.profile else None
    return Observed(
        external_userid=external_userid,
        profile=observed_profile(read.profile) if read.profile else None,
        relations=tuple(observed_relation(one, kind) for one in read.relations),
        observed_at=now,
        complete=True,
    )


def confirm(looking: Looking, seen: Seen, userids: frozenset[UserId]) -> Sighting:
    """A second look, by another way, at relations that a read did not show."""
    client, sighting = looking.client(), cast(Sighting, seen.observation)
    in_sight = frozenset(client.contacts.follow_users())
    absences = {one: _confirm(client, sighting.key, one, in_sight=one in in_sight) for one in userids}
    return replace(sighting, absences=absences)


def _confirm(client: WeComClient, external_userid: ExternalUserId, userid: UserId, *, in_sight: bool) -> Absence:
    if not in_sight:
        return Absence.OUT_OF_SIGHT
    try:
        listed = client.contacts.list(userid)
    except WeComError as error:
        if error.code in NO_MEMBER:
            return Absence.OUT_OF_SIGHT
        raise
    return Absence.STILL_THERE if external_userid in listed else Absence.ENDED


def observed_profile(profile: ContactProfile) -> Profile:
    return Profile(
        name=profile.name,
        type=profile.type,
        gender=profile.gender,
        avatar=profile.avatar,
        position=profile.position,
        corp_name=profile.corp_name,
        corp_full_name=profile.corp_full_name,
        external_profile=profile.profile,
        unionid=profile.unionid,
    )


def observed_relation(relation: FollowRelation, contact_type: int | None) -> ObservedRelation:
    """A WeChat user's company that was cleared is left out of reads."""
    company = relation.remark_corp_name
    if company is None and contact_type == WECHAT_USER:
        company = ""
    return ObservedRelation(
        userid=relation.userid,
        created_at=None if relation.createtime is None else from_unix(relation.createtime),
        notes=Notes(
            remark=relation.remark,
            description=relation.description,
            remark_corp_name=company,
            remark_mobiles=relation.remark_mobiles,
            corp_tag_ids=relation.corp_tag_ids,
            personal_tags=relation.personal_tags,
            add_way=relation.add_way,
            oper_userid=relation.oper_userid,
            add_state=relation.state,
        ),
    )


def record_seen(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Outcome:
    sightings = [cast(Sighting, one.observation) for one in seen]
    done = record(connection, recording.settings, recording.tenant, sightings, now=recording.now)
    subjects = {one.observation.key: one.leased.subject for one in seen}
    return Outcome(
        look_again={
            subjects[key]: LookAgain(result.look_again_at, "WeCom's read may be behind")
            for key, result in done.results.items()
            if result.look_again_at is not None
        },
        unconfirmed={subjects[key]: result.unconfirmed for key, result in done.results.items() if result.unconfirmed},
        notices=done.notices,
    )


CONTACTS = Shell(CONTACT, observe, record_seen, confirm)
