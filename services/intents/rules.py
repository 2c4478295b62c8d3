"""Rows of rules that enforce tags, and what they make of contacts that were just looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.associates.store import main_departments
from services.customers.choice import Choice
from services.customers.model import CONTACT, Relation
from services.intents.enforcement import (
    EnforcementPlan,
    Last,
    RelationTagDrift,
    RuleRefusedError,
    TagRule,
    check_rule,
    plan_enforcement,
)
from services.intents.model import TAG, IntentState, RelationEditSettled, Source, Wish
from services.intents.store import Asked, load_open_of, record_wishes
from services.tags.store import usable_tags
from shared.db.engine import Row, as_json, fetch_all, fetch_one
from shared.ids import ExternalUserId, TenantId, UserId
from shared.requests import EVENTS, Subject, Wanted, want
from shared.tenants import Tenant


def add_rule(
    connection: Connection,
    tenant_id: TenantId,
    *,
    name: str,
    tag_id: str,
    choice: Choice,
    author: str,
    reason: str | None,
    now: datetime,
) -> TagRule:
    """Keep a rule. What lacks the tag already is the matter of a bulk job.

    Raises:
        RuleRefusedError: it could not be kept, or one of this name is there.
    """
    check_rule(name, tag_id, choice, tag_known=bool(usable_tags(connection, tenant_id, [tag_id])))
    row = fetch_one(
        connection,
        "insert into tag_rule (tenant_id, name, tag_id, choice, author, reason, made_at) "
        "values (:tenant_id, :name, :tag_id, cast(:choice as jsonb), :author, :reason, :now) "
        "on conflict (tenant_id, name) where ended_at is null do nothing returning *",
        tenant_id=tenant_id,
        name=name,
        tag_id=tag_id,
        choice=as_json(choice.stored()),
        author=author,
        reason=reason,
        now=now,
    )
    if row is None:
        raise RuleRefusedError(f"there is a rule {name!r}; end it first, or choose another name")
    return _rule(row)


def end_rule(
    connection: Connection, tenant_id: TenantId, name: str, *, by: str, now: datetime
) -> list[RelationEditSettled] | None:
    """Enforce it no longer; the tags stay where they are. None: no such rule.

    The facts of what it wanted and nobody has written yet: that ends with it.
    """
    ended = fetch_one(
        connection,
        "update tag_rule set ended_at = :now, ended_by = :by where tenant_id = :tenant_id and name = :name "
        "and ended_at is null returning tag_id",
        tenant_id=tenant_id,
        name=name,
        by=by,
        now=now,
    )
    if ended is None:
        return None
    rows = fetch_all(
        connection,
        "update intent set state = 'superseded', refusal = 'the rule is over', settled_at = :now "
        "where tenant_id = :tenant_id and subject_kind = :kind and source = 'rule' and author = :name "
        "and field = :field and state in ('pending', 'sent') and pushes = 0 returning id, subject_key, userid, field",
        tenant_id=tenant_id,
        kind=CONTACT,
        name=name,
        field=f"{TAG}{ended['tag_id']}",
        now=now,
    )
    return [RelationEditSettled.of_row(dict(row), IntentState.SUPERSEDED, at=now) for row in rows]


def load_rules(connection: Connection, tenant_id: TenantId) -> list[TagRule]:
    """Those that are in force, oldest first."""
    rows = fetch_all(
        connection,
        "select * from tag_rule where tenant_id = :tenant_id and ended_at is null order by id",
        tenant_id=tenant_id,
    )
    return [_rule(row) for row in rows]


def _rule(row: Row) -> TagRule:
    return TagRule(
        id=row["id"],
        name=row["name"],
        tag_id=row["tag_id"],
        choice=Choice.model_validate(row["choice"]),
        author=row["author"],
        reason=row["reason"],
        made_at=row["made_at"],
    )


def count_drift(connection: Connection, tenant_id: TenantId, *, since: datetime) -> dict[int, int]:
    """Rule -> how often somebody took its tag off."""
    rows = fetch_all(
        connection,
        "select (payload ->> 'rule_id')::bigint as rule_id, count(*) as n from fact where tenant_id = :tenant_id "
        "and type = :type and recorded_at >= :since group by 1",
        tenant_id=tenant_id,
        type=RelationTagDrift.TYPE,
        since=since,
    )
    return {row["rule_id"]: row["n"] for row in rows}


@dataclass(frozen=True)
class Enforced:
    """What comes of the rules: facts of drift, and when to look again at which contact."""

    drift: Mapping[ExternalUserId, Sequence[RelationTagDrift]] = field(default_factory=dict)
    again_at: Mapping[ExternalUserId, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Looked:
    """A contact's relations, by associate, before it was looked at and after."""

    external_userid: ExternalUserId
    before: Mapping[UserId, Relation]
    after: Mapping[UserId, Relation]


def enforce(
    connection: Connection, tenant: Tenant, looked: Sequence[Looked], *, now: datetime, lag_s: float
) -> Enforced:
    """Have enforced tags put on again that these contacts lack. The caller holds their locks.

    `lag_s`: how long a read may be behind an accepted write.
    """
    rules = load_rules(connection, tenant.id)
    usable = usable_tags(connection, tenant.id, [rule.tag_id for rule in rules]) if rules else set()
    rules = [rule for rule in rules if rule.tag_id in usable]
    if not rules:
        return Enforced()
    plans = _plans(connection, tenant, rules, looked, now=now, rest=timedelta(seconds=10 * lag_s))
    for rule in rules:
        asked = [
            Asked(Subject(tenant.id, CONTACT, key), Wish(one.userid, one.field, True), frozenset({False}))
            for key, plan in plans.items()
            for one in plan.missing
            if one.rule == rule
        ]
        record_wishes(connection, tenant, asked, author=rule.name, source=Source.RULE, reason=rule.reason, now=now)
        wishes = [Wanted(one.subject, EVENTS, "rule", rule.caused_by) for one in asked]
        want(connection, wishes, now=now)
    return Enforced(
        {key: [one.fact(key, at=now) for one in plan.missing if one.drift] for key, plan in plans.items()},
        {key: plan.again_at for key, plan in plans.items() if plan.again_at is not None},
    )


def _plans(
    connection: Connection,
    tenant: Tenant,
    rules: Sequence[TagRule],
    looked: Sequence[Looked],
    *,
    now: datetime,
    rest: timedelta,
) -> dict[ExternalUserId, EnforcementPlan]:
    keys = [one.external_userid for one in looked]
    outlets = outlets_of(connection, tenant.id, rules, [userid for one in looked for userid in one.after])
    wanted = load_open_of(connection, tenant, CONTACT, keys)
    last = _last(connection, tenant.id, keys, rules)
    return {
        one.external_userid: plan_enforcement(
            rules,
            one.before,
            one.after,
            outlets=outlets,
            wanted={(intent.userid, intent.field) for intent in wanted.get(one.external_userid, ())},
            last=last.get(one.external_userid, {}),
            at=now,
            rest=rest,
        )
        for one in looked
    }


def outlets_of(
    connection: Connection, tenant_id: TenantId, rules: Sequence[TagRule], userids: Sequence[UserId]
) -> dict[UserId, int | None]:
    """Associate -> main department, where a rule asks for it."""
    if not any(rule.choice.departments for rule in rules):
        return {}
    return main_departments(connection, tenant_id, userids)


def _last(
    connection: Connection, tenant_id: TenantId, keys: Sequence[ExternalUserId], rules: Sequence[TagRule]
) -> dict[ExternalUserId, dict[tuple[UserId, str], Last]]:
    rows = fetch_all(
        connection,
        "select distinct on (subject_key, userid, field) subject_key, userid, field, state, created_at, settled_at "
        "from intent where tenant_id = :tenant_id and subject_kind = :kind and subject_key = any(:keys) "
        "and source = 'rule' and settled_at is not null and field = any(:fields) "
        "order by subject_key, userid, field, id desc",
        tenant_id=tenant_id,
        kind=CONTACT,
        keys=list(keys),
        fields=sorted({f"{TAG}{rule.tag_id}" for rule in rules}),
    )
    found: dict[ExternalUserId, dict[tuple[UserId, str], Last]] = {}
    for row in rows:
        ended = Last(IntentState(row["state"]), row["created_at"], row["settled_at"])
        place = (UserId(row["userid"]), row["field"])
        found.setdefault(ExternalUserId(row["subject_key"]), {})[place] = ended
    return found
