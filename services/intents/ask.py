"""Somebody wants remark, description or tags of relations of a customer changed in WeCom: checked, kept, and due."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT, Notes, ObservedRelation, Relation
from services.customers.store import load_recorded
from services.intents.enforcement import keeping
from services.intents.model import CAUSES, RelationEditSettled, Source, Value, Wish, WishRefusedError, shown
from services.intents.plan import check_wish
from services.intents.rules import load_rules, outlets_of
from services.intents.store import Asked, record_wishes, subjects_with_open
from services.persons.store import touch
from services.tags.store import usable_tags
from shared.ids import ExternalUserId, TenantId
from shared.requests import BACKFILL, OPERATOR, Subject, Wanted, lock, want
from shared.tenants import Tenant


def ask(
    connection: Connection,
    tenant: Tenant,
    external_userid: ExternalUserId,
    wishes: Sequence[Wish],
    *,
    author: str,
    source: Source,
    reason: str | None,
    now: datetime,
) -> tuple[RelationEditSettled, ...]:
    """Keep the wishes as intents, and have the customer looked at: whoever does so pushes them.

    The facts that are to be recorded with it: older wishes that gave way.

    Raises:
        WishRefusedError: WeCom could only refuse one of them; the caller rolls back.
    """
    # Locks and request first: whoever plans from the rows takes them in this order.
    cause = CAUSES[source]
    subject = Subject(tenant.id, CONTACT, external_userid)
    lock(connection, [subject])
    want(connection, [Wanted(subject, OPERATOR, cause, f"{cause}:{author}")], now=now)
    recorded = load_recorded(connection, tenant, [external_userid])[external_userid]
    relations, profile = recorded.relations, recorded.profile
    tags = usable_tags(connection, tenant.id, [wish.field.partition(":")[2] for wish in wishes])
    asked, rules = [], load_rules(connection, tenant.id)
    outlets = outlets_of(connection, tenant.id, rules, list(relations))
    for wish in wishes:
        relation = relations.get(wish.userid)
        known = wish.field.partition(":")[2] in tags
        check_wish(
            wish,
            None if relation is None else relation.state.value,
            tag_known=known,
            contact_type=profile.type if profile else None,
        )
        assert relation is not None
        if wish.desired is False and (rule := keeping(rules, relation, wish.field.partition(":")[2], outlets=outlets)):
            raise WishRefusedError(f"the rule {rule.name!r} keeps this tag on; `guanxi tag-rule end` ends the rule")
        recorded_value = _recorded(relation, wish.field)
        asked.append(Asked(subject, wish, frozenset() if recorded_value is None else frozenset({recorded_value})))
    ended = record_wishes(connection, tenant, asked, author=author, source=source, reason=reason, now=now)
    if recorded.customer_id is not None:
        touch(connection, tenant.id, [recorded.customer_id], now=now)  # what is shown of them has changed
    return tuple(settled.fact(external_userid, at=now) for _, settled in ended)


def renew_wishes(connection: Connection, tenant_id: TenantId, *, now: datetime) -> int:
    """Have all customers (and the tags) looked at of which something is wanted; how many: their corp may be written to
    from now on.
    """
    wishes = [Wanted(subject, BACKFILL, "operator") for subject in subjects_with_open(connection, tenant_id)]
    return want(connection, wishes, now=now)


def _recorded(relation: Relation, name: str) -> Value | None:
    notes: Notes = relation.notes
    return shown(ObservedRelation(relation.userid, None, notes), name)
