"""Rows of handovers. Who works on one holds its taker's lease; what is written is guarded by stage and attempts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT, EvidenceKind
from services.groups.model import CHAT
from services.intents.model import Source
from services.planning import Cause, Fact
from services.transfers.facts import fact_of, facts_for_people
from services.transfers.model import STATES, TAKEOVER, Kind, Stage, Transfer, Why
from shared.db.engine import Row, as_json, fetch_all, run
from shared.evidence import EvidenceRow, record_evidence
from shared.facts import FactRow, record_facts
from shared.ids import TenantId, UserId
from shared.requests import EVENTS, Subject, Wanted, want

CAUSES: Mapping[Source, Cause] = {Source.PERSON: "operator", Source.RULE: "rule", Source.API: "api"}
KINDS = {Kind.CUSTOMER: CONTACT, Kind.CHAT: CHAT}
"""Kind of handover -> kind of the subject that is to be looked at when it ends."""
OPEN = "state in ('pending', 'sent')"
MOST_TAKERS = 500


def want_due(connection: Connection, *, now: datetime) -> int:
    """Mark the associates as due to whom something is to be handed over, or of whom an outcome is to be looked for.

    Not those who are due already, nor what somebody must retry by hand; how many.
    """
    rows = fetch_all(
        connection,
        # Over the indexes `transfer_to_follow` and `transfer_to_send`: what is not due yet costs nothing.
        "select k.tenant_id, k.to_userid from (select tenant_id, to_userid from transfer "  # noqa: S608 - a constant
        f"where {OPEN} and attempts > 0 and next_poll_at <= :now "
        "union select t.tenant_id, t.to_userid from transfer t join tenant n on n.id = t.tenant_id and n.pushes "
        "where t.state = 'pending' and t.attempts = 0 and t.next_poll_at <= :now) k "
        "join tenant n on n.id = k.tenant_id and n.state <> 'suspended' "
        "where not exists (select from request q where q.tenant_id = k.tenant_id and q.subject_kind = :kind "
        "and q.subject_key = k.to_userid and q.generation > q.settled_generation) limit :most",
        now=now,
        kind=TAKEOVER,
        most=MOST_TAKERS,
    )
    wishes = [Wanted(Subject(TenantId(r["tenant_id"]), TAKEOVER, r["to_userid"]), EVENTS, "operator") for r in rows]
    return want(connection, wishes, now=now)


def load_due(
    connection: Connection, tenant_id: TenantId, to_userid: UserId, *, now: datetime, limit: int
) -> list[Transfer]:
    """The open handovers to an associate about which something is to be done, oldest first.

    Of a corp that is observed only, not those that wait for their first request.
    """
    return _load(
        connection,
        f"tenant_id = :tenant_id and to_userid = :to_userid and {OPEN} and next_poll_at <= :now "
        "and (attempts > 0 or exists (select from tenant n where n.id = :tenant_id and n.pushes)) "
        "order by id limit :most",
        tenant_id=tenant_id,
        to_userid=to_userid,
        now=now,
        most=limit,
    )


def load_transfers(connection: Connection, tenant_id: TenantId, ids: Collection[int]) -> list[Transfer]:
    return _load(
        connection, "tenant_id = :tenant_id and id = any(:ids) order by id", tenant_id=tenant_id, ids=list(ids)
    )


def load_of_subjects(
    connection: Connection, tenant_id: TenantId, kind: Kind, keys: Collection[str]
) -> dict[str, list[Transfer]]:
    """All handovers of some customers or chats that WeCom has, may have or may yet carry out, oldest first."""
    rows = fetch_all(
        connection,
        "select t.*, r.ended_at as moved_at from transfer t left join relation r on r.tenant_id = t.tenant_id "
        "and t.kind = 'customer' and r.external_userid = t.subject_key and r.userid = t.from_userid "
        "and r.state = 'transferred' where t.tenant_id = :tenant_id and t.kind = :kind and t.subject_key = any(:keys) "
        "and (t.stage in ('asked', 'waiting', 'done') or t.attempts > 0 and t.stage = 'queued') order by t.id",
        tenant_id=tenant_id,
        kind=kind.value,
        keys=list(keys),
    )
    found: dict[str, list[Transfer]] = {}
    for row in rows:
        one = replace(_transfer(row), moved_at=row["moved_at"])
        found.setdefault(one.subject_key, []).append(one)
    return found


def _load(connection: Connection, condition: str, **parameters: object) -> list[Transfer]:
    rows = fetch_all(connection, f"select * from transfer where {condition}", **parameters)  # noqa: S608 - constants
    return [_transfer(row) for row in rows]


def _transfer(row: Row) -> Transfer:
    return Transfer(
        id=row["id"],
        kind=Kind(row["kind"]),
        subject_key=row["subject_key"],
        from_userid=UserId(row["from_userid"]),
        to_userid=UserId(row["to_userid"]),
        departed=row["departed"],
        author=row["author"],
        source=Source(row["source"]),
        stage=Stage(row["stage"]),
        asked_at=row["asked_at"],
        next_poll_at=row["next_poll_at"],
        attempts=row["attempts"],
        known_failures=row["known_failures"],
        sent_at=row["sent_at"],
        accepted_at=row["accepted_at"],
        effect_at=row["effect_at"],
        ended_at=row["ended_at"],
        code=row["code"],
        why=None if row["why"] is None else Why(row["why"]),
        message=row["message"],
    )


def begin_request(
    connection: Connection,
    tenant_id: TenantId,
    transfers: Sequence[Transfer],
    failures: Mapping[str, int],
    *,
    now: datetime,
    known_at: datetime,
) -> list[Transfer]:
    """To be committed before the call: from here on WeCom may have taken them. Those that are still to be sent.

    `failures`: how many rows of failures WeCom shows of a customer by now. `known_at`: when to look for what came of
    it, should no answer come. None while the tenant is observed only.
    """
    rows = fetch_all(
        connection,
        "update transfer t set state = 'sent', stage = 'asked', attempts = t.attempts + 1, next_poll_at = :known_at, "
        "sent_at = case when t.attempts = 0 then :now else t.sent_at end, "
        "known_failures = case when t.attempts = 0 then coalesce(r.failures, 0) else t.known_failures end "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, attempts smallint, failures smallint) "
        "where t.tenant_id = :tenant_id and t.id = r.id and t.attempts = r.attempts and t.stage = 'queued' "
        "and exists (select from tenant n where n.id = :tenant_id and n.pushes) returning t.*",
        tenant_id=tenant_id,
        now=now,
        known_at=known_at,
        rows=as_json(
            [{"id": t.id, "attempts": t.attempts, "failures": failures.get(t.subject_key, 0)} for t in transfers]
        ),
    )
    return sorted((_transfer(row) for row in rows), key=lambda one: one.id)


def postpone(connection: Connection, tenant_id: TenantId, transfers: Sequence[Transfer], *, until: datetime) -> None:
    """Do nothing about those that are not sent yet before then."""
    run(
        connection,
        "update transfer set next_poll_at = :until where tenant_id = :tenant_id and id = any(:ids) "
        "and stage = 'queued'",
        tenant_id=tenant_id,
        ids=[one.id for one in transfers],
        until=until,
    )


def hint(connection: Connection, tenant_id: TenantId, external_userids: Collection[str], *, now: datetime) -> None:
    """Something happened to these customers: what came of their handovers is to be looked for at once.

    Of those that are due already as well: whoever looks right now may have looked too early.
    """
    run(
        connection,
        "update transfer set next_poll_at = :now where tenant_id = :tenant_id and kind = 'customer' "
        "and subject_key = any(:keys) and state = 'sent'",
        tenant_id=tenant_id,
        keys=sorted(external_userids),
        now=now,
    )


@dataclass(frozen=True)
class News:
    """What a change of a handover tells, with its cause and who brought it about."""

    fact: Fact
    cause: Cause
    caused_by: str


def record_changes(
    connection: Connection,
    tenant_id: TenantId,
    before: Sequence[Transfer],
    after: Sequence[Transfer],
    *,
    now: datetime,
) -> list[News]:
    """Write what became of handovers, with evidence, and who is to be looked at; what there is to tell of it.

    `before`: with the times for which they were looked at, so that a hint that came during the look is known.
    What somebody else has sent again or ended meanwhile is left alone.
    """
    was = {one.id: one for one in before}
    changed = [one for one in after if one != was[one.id]]
    if not changed:
        return []
    # The requests first: whoever looks after a contact locks it before our rows, and so do we.
    moved = [one for one in changed if not one.is_open]
    want(connection, [_wanted(tenant_id, one) for one in moved], now=now)
    ids = _update(connection, tenant_id, was, changed)
    changed = [one for one in changed if one.id in ids]
    record_evidence(connection, [_evidence(tenant_id, one) for one in changed if _tells(one)], now=now)
    news = [one for one in changed if one.stage is not was[one.id].stage and one.stage is not Stage.QUEUED]
    ended = [one for one in news if not one.is_open]
    known = _associates(connection, tenant_id, {one.author for one in ended})
    facts = [(fact, one) for one in news if (fact := fact_of(one)) is not None] + facts_for_people(ended, known)
    return [News(fact, CAUSES[one.source], caused_by(one)) for fact, one in facts]


def record_stages(connection: Connection, tenant_id: TenantId, transfers: Sequence[Transfer], *, now: datetime) -> None:
    """Record the facts of handovers that were just asked for or withdrawn here: nobody else is told of these."""
    rows = []
    for one in transfers:
        fact = fact_of(one)
        assert fact is not None
        kind, key = fact.subject
        about = (fact.TYPE, fact.VERSION, kind, key, fact.occurred_at, CAUSES[one.source], caused_by(one))
        rows.append(FactRow(*about, fact.payload()))
    record_facts(connection, tenant_id, rows, now=now)


def caused_by(one: Transfer) -> str:
    return f"{CAUSES[one.source]}:{one.author}"


def _wanted(tenant_id: TenantId, one: Transfer) -> Wanted:
    return Wanted(Subject(tenant_id, KINDS[one.kind], one.subject_key), EVENTS, CAUSES[one.source], caused_by(one))


def _tells(one: Transfer) -> bool:
    return one.kind is Kind.CUSTOMER and one.stage is Stage.DONE


def _evidence(tenant_id: TenantId, one: Transfer) -> EvidenceRow:
    """WeCom's result says what the giver's delete event says, should that never come."""
    assert one.effect_at is not None
    return EvidenceRow(
        subject=Subject(tenant_id, CONTACT, one.subject_key),
        userid=one.from_userid,
        kind=EvidenceKind.TRANSFERRED,
        occurred_at=one.effect_at,
        details={"transfer_id": one.id, "to": one.to_userid},
        fingerprint=f"transfer:{one.id}".encode(),
    )


def _update(
    connection: Connection, tenant_id: TenantId, was: Mapping[int, Transfer], changed: Sequence[Transfer]
) -> set[int]:
    rows = fetch_all(
        connection,
        "update transfer t set state = r.state, stage = r.stage, attempts = r.attempts, code = r.code, why = r.why, "
        "accepted_at = r.accepted_at, effect_at = r.effect_at, ended_at = r.ended_at, "
        # A hint that came since they were loaded is not to be lost.
        "next_poll_at = case when t.next_poll_at = r.was_due then r.next_poll_at "
        "else least(t.next_poll_at, r.next_poll_at) end "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, was_attempts smallint, was_stage text, "
        "was_due timestamptz, state text, stage text, attempts smallint, code integer, why text, "
        "accepted_at timestamptz, effect_at timestamptz, ended_at timestamptz, next_poll_at timestamptz) "
        "where t.tenant_id = :tenant_id and t.id = r.id and t.attempts = r.was_attempts and t.stage = r.was_stage "
        "returning t.id",
        tenant_id=tenant_id,
        rows=as_json([_columns(one, was[one.id]) for one in changed]),
    )
    return {row["id"] for row in rows}


def _columns(one: Transfer, was: Transfer) -> dict[str, object]:
    return {
        "id": one.id,
        "was_attempts": was.attempts,
        "was_stage": was.stage.value,
        "was_due": was.next_poll_at,
        "state": STATES[one.stage].value,
        "stage": one.stage.value,
        "attempts": one.attempts,
        "code": one.code,
        "why": one.why,
        "accepted_at": one.accepted_at,
        "effect_at": one.effect_at,
        "ended_at": one.ended_at,
        "next_poll_at": one.next_poll_at,
    }


def _associates(connection: Connection, tenant_id: TenantId, userids: Collection[str]) -> set[str]:
    rows = fetch_all(
        connection,
        "select userid from associate where tenant_id = :tenant_id and userid = any(:userids) and gone_at is null",
        tenant_id=tenant_id,
        userids=sorted(userids),
    )
    return {row["userid"] for row in rows}


def chats_given_since(connection: Connection, tenant_id: TenantId, from_userid: UserId, *, since: datetime) -> int:
    """How many of an owner's chats WeCom took, or may have taken, since then. Until this transaction ends, nobody else
    counts: their chats may go to several associates at once.
    """
    fetch_all(
        connection,
        "select pg_advisory_xact_lock(hashtextextended(:key, 0))",
        key=f"guanxi:chats_given:{tenant_id}:{from_userid}",
    )
    rows = fetch_all(
        connection,
        "select count(*) as n from transfer where tenant_id = :tenant_id and from_userid = :from_userid "
        "and kind = 'chat' and sent_at >= :since and stage in ('asked', 'waiting', 'done')",
        tenant_id=tenant_id,
        from_userid=from_userid,
        since=since,
    )
    return int(rows[0]["n"])


def lost_since(
    connection: Connection, tenant_id: TenantId, from_userid: UserId, external_userids: Collection[str]
) -> set[str]:
    """Those of the customers who have removed the associate, as far as events told."""
    rows = fetch_all(
        connection,
        "select external_userid from relation where tenant_id = :tenant_id and userid = :userid "
        "and external_userid = any(:keys) and state = 'ended_by_customer'",
        tenant_id=tenant_id,
        userid=from_userid,
        keys=sorted(external_userids),
    )
    return {row["external_userid"] for row in rows}
