"""Moves what is kept under a member's old userid to the new one, set-based. Doing it twice changes nothing more.

Facts stay as they were told, and so does evidence: whoever loads evidence asks `userid_alias` whom it is about by now.
"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.associates.model import Associate, AssociateRenamed, RecordedAssociate, Renaming
from services.associates.plan import merge_associate
from services.associates.record import Provenance, record_associates
from services.associates.store import load_associates
from services.customers import record as customers
from services.customers.model import CONTACT
from services.customers.plan import ContactPlan
from services.customers.store import load_recorded
from services.groups.days import day_changes
from services.groups.model import Kind, Stay
from services.groups.record import record_days
from services.pool.store import move_userid
from services.reminders import store as reminders
from services.renames.plan import merge_relations
from services.sops import store as sops
from services.welcomes import store as welcomes
from shared.db.engine import fetch_all, run
from shared.ids import ExternalUserId, TenantId, UserId
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.tenants import Tenant


def rename(
    connection: Connection, tenant: Tenant, renaming: Renaming, why: Provenance, *, now: datetime
) -> AssociateRenamed | None:
    """Give a member the new userid everywhere; None when that was done before.

    The caller holds the lock of the corp's directory.
    """
    if not _record_alias(connection, tenant.id, renaming, why, now=now):
        return None
    _move_associate(connection, tenant.id, renaming, why, now=now)
    move_relations(connection, tenant, renaming, why, now=now)
    sops.move_userid(connection, tenant, renaming.old, renaming.new)
    _move_mentions(connection, tenant.id, renaming)
    move_userid(connection, tenant.id, renaming.old, renaming.new)
    welcomes.move_userid(connection, tenant.id, renaming.old, renaming.new)
    reminders.move_userid(connection, tenant.id, renaming.old, renaming.new)
    _move_stays(connection, tenant, renaming)
    return AssociateRenamed(occurred_at=renaming.at, userid=renaming.new, old_userid=renaming.old)


def _record_alias(
    connection: Connection, tenant_id: TenantId, renaming: Renaming, why: Provenance, *, now: datetime
) -> bool:
    run(
        connection,
        "update userid_alias set new_userid = :new where tenant_id = :tenant_id and new_userid = :old",
        tenant_id=tenant_id,
        old=renaming.old,
        new=renaming.new,
    )
    return bool(
        run(
            connection,
            "insert into userid_alias (tenant_id, old_userid, new_userid, renamed_at, cause, caused_by, recorded_at) "
            "values (:tenant_id, :old, :new, :at, :cause, :caused_by, :now) on conflict do nothing",
            tenant_id=tenant_id,
            old=renaming.old,
            new=renaming.new,
            at=renaming.at,
            cause=why.cause,
            caused_by=why.caused_by,
            now=now,
        )
    )


def _move_associate(
    connection: Connection, tenant_id: TenantId, renaming: Renaming, why: Provenance, *, now: datetime
) -> None:
    """The new row has all that is known of both; the old one stays as a pointer to it."""
    known = load_associates(connection, tenant_id, [renaming.old, renaming.new])
    old, new = known.get(renaming.old), known.get(renaming.new)
    if old is None or old.renamed_to is not None:
        return
    merged = RecordedAssociate(
        associate=merge_associate(old.associate, new.associate if new else _as(old, renaming.new)),
        observed_at=new.observed_at if new else old.observed_at,
        seen_at=max((one.seen_at for one in (old, new) if one and one.seen_at), default=None),
        in_sight=new.in_sight if new else old.in_sight,
        has_contact=old.has_contact or (new is not None and new.has_contact),
        joined_at=old.joined_at or (new.joined_at if new else None),
        gone_at=new.gone_at if new else None,
    )
    pointer = RecordedAssociate(
        old.associate, max(now, old.observed_at), old.seen_at, False, False, old.joined_at, None, renaming.new
    )
    record_associates(connection, tenant_id, [merged, pointer], {renaming.old: why, renaming.new: why})


def _as(known: RecordedAssociate, userid: UserId) -> Associate:
    return replace(known.associate, userid=userid)


def move_relations(
    connection: Connection, tenant: Tenant, renaming: Renaming, why: Provenance, *, now: datetime
) -> int:
    """Move the old userid's relations; those that the new one has as well become one. The number of rows moved.

    A read that was on its way may have brought a row back: whoever looks at the old userid again calls this again.
    """
    names = {"tenant_id": tenant.id, "old": renaming.old, "new": renaming.new}
    fetch_all(  # no run of one of these contacts commits meanwhile
        connection,
        "select q.subject_key from request q where q.tenant_id = :tenant_id and q.subject_kind = :kind "
        "and q.subject_key in (select external_userid from relation where tenant_id = :tenant_id and userid = :old) "
        "order by q.subject_key for update of q",
        kind=CONTACT,
        tenant_id=tenant.id,
        old=renaming.old,
    )
    _merge_doubles(connection, tenant, renaming, why, now=now)
    moved = run(
        connection,
        "update relation set userid = :new, digest = null, "
        "oper_userid = case when oper_userid = :old then :new else oper_userid end "
        "where tenant_id = :tenant_id and userid = :old",
        **names,
    )
    run(
        connection,
        "update customer set assigned_userid = :new, updated_at = greatest(updated_at, :now) "
        "where tenant_id = :tenant_id and assigned_userid = :old",
        now=now,
        **names,
    )
    return moved


def _merge_doubles(
    connection: Connection, tenant: Tenant, renaming: Renaming, why: Provenance, *, now: datetime
) -> None:
    rows = fetch_all(
        connection,
        "select o.external_userid, greatest(o.observed_at, n.observed_at) as observed_at "
        "from relation o join relation n on n.tenant_id = o.tenant_id and n.external_userid = o.external_userid "
        "and n.userid = :new where o.tenant_id = :tenant_id and o.userid = :old order by o.external_userid",
        tenant_id=tenant.id,
        old=renaming.old,
        new=renaming.new,
    )
    if not rows:
        return
    doubled = {ExternalUserId(row["external_userid"]): row["observed_at"] for row in rows}
    plans = []
    for key, contact in load_recorded(connection, tenant, list(doubled)).items():
        old, new = contact.relations[renaming.old], contact.relations[renaming.new]
        plans.append(ContactPlan(key, relations=(merge_relations(old, new, renamed_at=renaming.at),)))
    whys = {key: customers.Provenance(why.cause, why.caused_by, at) for key, at in doubled.items()}
    customers.record_contacts(connection, tenant, plans, whys, now=now)
    run(  # its content lives on in the other row
        connection,
        "delete from relation where tenant_id = :tenant_id and userid = :old and external_userid = any(:keys)",
        tenant_id=tenant.id,
        old=renaming.old,
        keys=list(doubled),
    )
    # Who each of these customers is assigned to, and how they stand, is decided anew.
    wishes = [Wanted(Subject(tenant.id, CONTACT, key), BACKFILL, why.cause, why.caused_by) for key in doubled]
    want(connection, wishes, now=now)


def _move_mentions(connection: Connection, tenant_id: TenantId, renaming: Renaming) -> None:
    names = {"tenant_id": tenant_id, "old": renaming.old, "new": renaming.new}
    for statement in _MENTIONS:
        run(connection, statement, **names)


def _move_stays(connection: Connection, tenant: Tenant, renaming: Renaming) -> None:
    """The stay that goes on under the new userid is one stay: its member came once, and did not go."""
    names = {"tenant_id": tenant.id, "old": renaming.old, "new": renaming.new}
    doubled = fetch_all(connection, _DOUBLED_STAYS, **names, at=renaming.at)
    run(
        connection,
        "update group_chat set member_count = member_count - 1 "
        "where tenant_id = :tenant_id and chat_id = any(:chat_ids) and member_count > 0",
        tenant_id=tenant.id,
        chat_ids=[row["chat_id"] for row in doubled if row["left_at"] is None],
    )
    stays: dict[str, list[Stay]] = {}
    for row in doubled:
        stay = Stay(renaming.old, row["number"], Kind(row["kind"]), joined_at=row["joined_at"], left_at=row["left_at"])
        stays.setdefault(row["chat_id"], []).append(stay)
    zone = ZoneInfo(tenant.timezone)
    record_days(connection, tenant.id, {chat_id: day_changes(gone, (), zone=zone) for chat_id, gone in stays.items()})
    for statement in _STAYS:
        run(connection, statement, **names)


_MENTIONS = (
    "update assignment_decision set to_userid = :new where tenant_id = :tenant_id and to_userid = :old",
    # Of two open wishes for one field, that of the present userid stands.
    "update intent o set state = 'superseded', refusal = 'the associate has another userid', "
    "settled_at = greatest(o.created_at, n.created_at) "
    "from intent n where o.tenant_id = :tenant_id and o.userid = :old and o.state in ('pending', 'sent') "
    "and n.tenant_id = o.tenant_id and n.subject_kind = o.subject_kind and n.subject_key = o.subject_key "
    "and n.userid = :new and n.field = o.field and n.state in ('pending', 'sent')",
    "update intent set userid = :new where tenant_id = :tenant_id and userid = :old",
    # Of two open handovers of one customer, that of the present userid stands.
    "update transfer o set state = 'superseded', stage = 'withdrawn', ended_at = greatest(o.asked_at, n.asked_at) "
    "from transfer n where o.tenant_id = :tenant_id and o.from_userid = :old and o.state in ('pending', 'sent') "
    "and n.tenant_id = o.tenant_id and n.kind = o.kind and n.subject_key = o.subject_key and n.from_userid = :new "
    "and n.state in ('pending', 'sent')",
    "update transfer set from_userid = case when from_userid = :old then :new else from_userid end, "
    "to_userid = case when to_userid = :old then :new else to_userid end, "
    "author = case when author = :old then :new else author end "
    "where tenant_id = :tenant_id and :old in (from_userid, to_userid, author)",
    # A try whose outcome is not known keeps its bytes; what was never tried is rendered again for the new userid.
    "update outbox set recipient = :new, body = null where tenant_id = :tenant_id and recipient = :old "
    "and channel = 'wecom' and state = 'due' and first_unknown_at is null",
    # With it what is folded into it, which is told again, or passed on, as the new userid's.
    "update outbox set recipient = :new where tenant_id = :tenant_id and recipient = :old and state = 'folded' "
    "and folded_into = any(array(select id from outbox where tenant_id = :tenant_id and recipient = :new "
    "and state = 'due' and folds > 1 and first_unknown_at is null))",
    "update outbox set about = :new where tenant_id = :tenant_id and about = :old and (state = 'due' "
    "or (state = 'queued' and channel = 'robot'))",
    "update outbox set about = :new where tenant_id = :tenant_id and about = :old and state = 'folded' "
    "and folded_into = any(array(select id from outbox where tenant_id = :tenant_id "
    "and state in ('due', 'queued') and channel <> 'webhook' and folds > 1))",
    # What a notice stands for names whose matter it is: the fact that takes it away will name the new userid. Only whom
    # they have, or had, a friendship with, or are to add: so many looks into the index of reasons, and no scan.
    "update outbox o set reason = w.what || :new || ':' || w.whom from ("
    " select s.what, r.external_userid as whom from relation r"
    " cross join unnest(array['lost:', 'assigned:', 'unassigned:']) s(what)"
    " where r.tenant_id = :tenant_id and r.userid in (:old, :new)"
    " union all select 'to_add:', cast(customer_id as text) from pool_record"
    " where tenant_id = :tenant_id and userid in (:old, :new)) w "
    "where o.tenant_id = :tenant_id and o.reason = w.what || :old || ':' || w.whom",
    # Whose tasks these are, whom a key sees for, who may see a tag, and whom the next digest names.
    "update customer_task set userid = :new where tenant_id = :tenant_id and userid = :old and state = 'open'",
    "update api_key set userid = :new where tenant_id = :tenant_id and userid = :old",
    "update local_tag_group set visible_to = array_replace(visible_to, :old, :new) "
    "where tenant_id = :tenant_id and :old = any(visible_to)",
    "update deletion_waiting set userid = :new where tenant_id = :tenant_id and userid = :old",
    "update associate set direct_leaders = array_replace(direct_leaders, :old, :new) "
    "where tenant_id = :tenant_id and :old = any(direct_leaders)",
    "update outlet set leaders = array_replace(leaders, :old, :new) "
    "where tenant_id = :tenant_id and :old = any(leaders)",
    "update group_chat set owner_userid = case when owner_userid = :old then :new else owner_userid end, "
    "admins = array_replace(admins, :old, :new) "
    "where tenant_id = :tenant_id and (owner_userid = :old or :old = any(admins))",
)

_DOUBLED_STAYS = (
    "delete from group_member o using group_member n where o.tenant_id = :tenant_id and o.member_id = :old "
    "and (o.left_at is null or (o.left_by = 'read' and o.left_at >= :at)) and n.tenant_id = o.tenant_id "
    "and n.chat_id = o.chat_id and n.member_id = :new and n.left_at is null "
    "returning o.chat_id, o.number, o.kind, o.joined_at, o.left_at"
)

_STAYS = (
    "update group_member n set number = n.number + k.most from (select chat_id, max(number) as most "
    "from group_member where tenant_id = :tenant_id and member_id in (:old, :new) group by chat_id "
    "having count(distinct member_id) > 1) k "
    "where n.tenant_id = :tenant_id and n.member_id = :new and n.chat_id = k.chat_id",
    "update group_member set member_id = :new where tenant_id = :tenant_id and member_id = :old and kind = 'associate'",
)
