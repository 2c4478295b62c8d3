"""A customer's sheet as it is answered."""

from console.api.gate import caller
from console.api.personal import Desired
from console.api.told import (
    BlacklistedOut,
    ContactOut,
    CustomerOut,
    IdentityOut,
    IntentOut,
    ItemOut,
    ObservedOut,
    OrderOut,
    OwnOut,
    PendingOut,
    PurchasesOut,
    RelationOut,
    WaitingOut,
    WornOut,
)
from services.blacklist.model import Entry
from services.customers.model import Friendship, Profile
from services.intents.model import Value
from services.intents.reading import Told
from services.local_tags.giving import Worn
from services.persons.model import RecordedIdentity
from services.purchases.model import Order
from services.sheets.model import ShownRelation
from services.sheets.store import Sheet, SheetContact
from services.waiting.model import WaitingTag
from shared.api_keys import Scope


def customer_out(sheet: Sheet) -> CustomerOut:
    return CustomerOut(
        id=sheet.customer_id,
        **sheet.row,
        merged_ids=list(sheet.merged_ids),
        fields=OwnOut(**sheet.own),
        identities=[identity_out(one) for one in sheet.identities],
        contacts=[_contact(one) for one in sheet.contacts],
        purchases=[PurchasesOut(**one.__dict__) for one in sheet.purchases],
        local_tags=[_worn(one) for one in sheet.worn],
        waiting_tags=[waiting_out(one) for one in sheet.waiting],
        blacklisted=_blacklisted(sheet.blacklisted),
    )


def _worn(worn: Worn) -> WornOut:
    tag = worn.tag
    return WornOut(
        tag_id=tag.key, group_id=tag.group_id, name=tag.name, kind=tag.kind, given_at=worn.given_at, by=worn.by_whom
    )


def waiting_out(one: WaitingTag) -> WaitingOut:
    return WaitingOut(
        tag_id=one.tag_id,
        name=one.name,
        author=one.why.author,
        source=one.why.source.value,
        reason=one.why.reason,
        cause=one.why.cause,
        created_at=one.created_at,
    )


def _blacklisted(entry: Entry | None) -> BlacklistedOut | None:
    if entry is None:
        return None
    reason = entry.reason if Scope.BLACKLIST_READ.value in caller().scopes else None
    return BlacklistedOut(entry_id=entry.id, reason=reason, added_at=entry.added_at, added_by=entry.added_by)


def identity_out(held: RecordedIdentity) -> IdentityOut:
    identity = held.identity
    return IdentityOut(
        kind=identity.kind,
        value=identity.value,
        verified=identity.verified,
        source=held.source,
        created_at=held.created_at,
    )


def _contact(contact: SheetContact) -> ContactOut:
    profile = contact.profile or Profile()
    return ContactOut(
        external_userid=contact.external_userid,
        name=profile.name,
        gender=profile.gender,
        type=profile.type,
        avatar=profile.avatar,
        corp_name=profile.corp_name,
        relations=[_relation(one) for one in contact.relations],
    )


def _relation(shown: ShownRelation) -> RelationOut:
    relation, notes = shown.relation, shown.relation.notes
    last = relation.friendships[-1] if relation.friendships else Friendship(None)
    return RelationOut(
        userid=shown.userid,
        state=relation.state.value,
        started_at=last.started_at,
        ended_at=last.ended_at,
        add_way=notes.add_way,
        add_state=notes.add_state,
        remark=shown.shown.remark,
        description=shown.shown.description,
        remark_corp_name=shown.shown.remark_corp_name,
        remark_mobiles=_list(shown.shown.remark_mobiles),
        tag_ids=_list(shown.shown.tag_ids),
        personal_tags=_list(notes.personal_tags),
        observed=ObservedOut(
            remark=notes.remark,
            description=notes.description,
            remark_corp_name=notes.remark_corp_name,
            remark_mobiles=_list(notes.remark_mobiles),
            tag_ids=_list(notes.corp_tag_ids),
        ),
        pending=[PendingOut(intent_id=one.id, field=one.field, desired=_plain(one.desired)) for one in shown.pending],
    )


def _plain(value: Value) -> Desired:
    return list(value) if isinstance(value, tuple) else value


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def intent_out(told: Told) -> IntentOut:
    given = {name: getattr(told, name) for name in IntentOut.model_fields}
    return IntentOut(**{**given, "desired": _plain(told.desired)})


def order_out(order: Order, *, applied: bool) -> OrderOut:
    items = None if order.items is None else [ItemOut(**one.__dict__) for one in order.items]
    return OrderOut(applied=applied, **order.__dict__ | {"items": items})
