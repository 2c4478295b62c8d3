"""Bodies as they are answered."""

from datetime import datetime

from pydantic import BaseModel, Field, SerializationInfo, field_serializer

from console.api.personal import MARK, Birthday, Desired, Document, Nickname, OwnFields, Phone, RealName, Words, view_of
from services.joining.telling import Outcome
from services.persons.masking import mask_identity


class IdentityOut(BaseModel):
    kind: str
    value: str = Field(json_schema_extra={MARK: "personal-identity"})
    verified: bool
    source: str
    created_at: datetime | None

    @field_serializer("value")
    def _value(self, value: str, info: SerializationInfo) -> str:
        return value if view_of(info).personal else mask_identity(self.kind, value)


class IdentitiesOut(BaseModel):
    customer_id: int
    identities: list[IdentityOut]


class IntentOut(BaseModel):
    """`state`: pending, sent, confirmed, refused (by WeCom), superseded. `refusal` says why it did not come true."""

    id: int
    external_userid: str
    userid: str
    field: str
    desired: Desired
    author: str
    source: str
    reason: Words | None
    state: str
    refusal: str | None
    created_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None


class IntentsOut(BaseModel):
    intents: list[IntentOut]
    next_cursor: str | None = None


class WaitingOut(BaseModel):
    """A corp tag that waits for the customer to become somebody's friend. `cause`: the import or bulk change it came
    with. `name`: null of a tag that was deleted just now."""

    tag_id: str
    name: str | None
    author: str
    source: str
    reason: Words | None
    cause: str | None
    created_at: datetime


class TaggedOut(IntentsOut):
    """`intents`: wishes for corp tags. `waiting`: corp tags that wait, those from before among them. `added`,
    `removed`: local tags that the customer has, or has not, since now."""

    waiting: list[WaitingOut] = []
    added: list[str] = []
    removed: list[str] = []


class PendingOut(BaseModel):
    intent_id: int
    field: str
    desired: Desired


class ObservedOut(BaseModel):
    """What WeCom showed last."""

    remark: Nickname | None
    description: Words | None
    remark_corp_name: str | None
    remark_mobiles: list[Phone] | None
    tag_ids: list[str] | None


class RelationOut(BaseModel):
    """Remark, description, company, phones and tags: what WeCom showed, with the wishes in `pending` laid over it."""

    userid: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    add_way: int | None
    add_state: str | None
    remark: Nickname | None
    description: Words | None
    remark_corp_name: str | None
    remark_mobiles: list[Phone] | None
    tag_ids: list[str] | None
    personal_tags: list[str] | None
    observed: ObservedOut
    pending: list[PendingOut]


class ContactOut(BaseModel):
    """WeCom's record of the customer, and their relations to associates."""

    external_userid: str
    name: Nickname | None
    gender: int | None
    type: int | None
    avatar: str | None
    corp_name: str | None
    relations: list[RelationOut]


class PurchasesOut(BaseModel):
    """`amount` in minor units of the currency; orders that are paid, shipped or completed."""

    shop: str
    currency: str
    purchase_count: int
    amount: int
    last_purchase_at: datetime | None


class OwnOut(BaseModel):
    real_name: RealName | None = None
    birthday: Birthday | None = None
    gender: str | None = None
    company: str | None = None
    level: str | None = None
    note: Words | None = None
    attributes: Document | None = None
    fields: OwnFields = {}
    """Custom fields that are switched on: key -> value; options by id."""


class WornOut(BaseModel):
    """A local tag on a customer. `by`: who gave it: api:NAME, rule:ID, import:ID, a person."""

    tag_id: str
    group_id: int
    name: str
    kind: str
    given_at: datetime
    by: str


class BlacklistedOut(BaseModel):
    """`reason` null: this key may not read it."""

    entry_id: int
    reason: Words | None
    added_at: datetime
    added_by: str


class CustomerOut(BaseModel):
    id: int
    standing: str
    assigned_userid: str | None
    assigned_at: datetime | None
    created_at: datetime
    updated_at: datetime
    merged_ids: list[int]
    fields: OwnOut
    identities: list[IdentityOut]
    contacts: list[ContactOut]
    purchases: list[PurchasesOut]
    local_tags: list[WornOut]
    waiting_tags: list[WaitingOut]
    blacklisted: BlacklistedOut | None


class UpsertedOut(BaseModel):
    """`merged_ids`: records that this request found to be the same person; they lead to this one from now on."""

    made: bool
    merged_ids: list[int]
    customer: CustomerOut


class CustomerRowOut(BaseModel):
    id: int
    standing: str
    assigned_userid: str | None
    assigned_at: datetime | None
    external_userids: list[str]
    name: Nickname | None
    real_name: RealName | None
    created_at: datetime
    updated_at: datetime


class CustomersOut(BaseModel):
    """`complete_until`: every change before it is in this listing; the `updated_since` of your next one."""

    customers: list[CustomerRowOut]
    next_cursor: str | None
    complete_until: datetime


class ItemOut(BaseModel):
    goods_id: str
    name: str | None
    quantity: int
    amount: int


class OrderOut(BaseModel):
    """`applied`: False when a newer state was recorded already; what is shown is what stands.

    `items` null: nobody told what was bought.
    """

    applied: bool
    shop: str
    order_id: str
    customer_id: int
    amount: int
    currency: str
    status: str
    items_count: int
    items: list[ItemOut] | None
    paid_at: datetime | None
    updated_at: datetime


class EventOut(BaseModel):
    event_id: str
    outcome: Outcome


class EventsOut(BaseModel):
    recorded: int
    events: list[EventOut]


class TagOut(BaseModel):
    tag_id: str
    name: str | None


class TagGroupOut(BaseModel):
    group_id: str
    name: str | None
    tags: list[TagOut]


class CatalogueOut(BaseModel):
    groups: list[TagGroupOut]


class AssignmentOut(BaseModel):
    """The decision is recorded, and takes effect when a worker has looked at the customer: usually at once."""

    customer_id: int
    assigned_userid: str | None
    decided_userid: str
