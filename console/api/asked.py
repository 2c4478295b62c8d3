"""Bodies, paths and queries as they are sent."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from console.api import examples
from console.api.fields import Body, Count, Day, Id, MinorUnits, Moment, Name, Number, printable
from services.fields.model import LONGEST_TEXT, MOST_FIELDS, MOST_OPTIONS
from services.intents.model import LONGEST_PHONE, NOTES, TEXTS
from services.loss.model import Standing
from services.persons.model import LONGEST
from services.purchases.model import OrderStatus

MOST_EVENTS = 1000
MOST_ITEMS = 200
"""Lines of an order."""
MOST_PAGE = 500


def _formed(pattern: str, words: str) -> AfterValidator:
    """Whoever sends a text of another form reads the words, not the pattern."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"must be {words}")
        return value

    return AfterValidator(check)


KIND = r"external_userid|unionid|phone|email|crm|(shop|miniapp):[A-Za-z0-9_.-]{1,40}"
KIND_WORDS = "external_userid, unionid, phone, email, crm, shop:NAME or miniapp:APPID"
SOURCE = r"import|hand|api|leaver|[a-z]{1,16}:[^\s:]{1,40}"
SOURCE_WORDS = "import, hand, api, leaver, or a kind in small letters with a name, such as shop:tmall"
Kind = Annotated[
    str,
    _formed(KIND, KIND_WORDS),
    Field(description=KIND_WORDS, json_schema_extra={"example": "crm", "pattern": f"^({KIND})$"}),
]
Source = Annotated[
    str,
    _formed(SOURCE, SOURCE_WORDS),
    Field(
        description=f"Where somebody came from: {SOURCE_WORDS}",
        json_schema_extra={"example": "shop:tmall", "pattern": f"^({SOURCE})$"},
    ),
]
Value = Annotated[str, Field(min_length=1, max_length=LONGEST, json_schema_extra={"example": "C-1001"})]


def _fits(value: object) -> object:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a whole number has at most 64 bits; send a longer one as text")
    return value


Scalar = Annotated[Annotated[str, Field(max_length=1000)] | bool | int | float | None, BeforeValidator(_fits)]


FieldKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", json_schema_extra={"example": "size"})]
OptionIds = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=MOST_OPTIONS)]
CustomValue = Annotated[
    Annotated[str, Field(max_length=LONGEST_TEXT)] | bool | int | float | OptionIds | None, BeforeValidator(_fits)
]


class IdentityIn(Body):
    kind: Kind
    value: Value
    verified: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Of phone and email only; believed of keys that may say so (CUS-12)"
    )


class OwnFields(Body):
    """The retailer's own fields. WeCom never touches them; null empties a field, one that is absent stays."""

    real_name: str | None = Field(default=None, max_length=64)
    birthday: Day | None = None
    gender: Literal["male", "female", "unknown"] | None = None
    company: str | None = Field(default=None, max_length=128)
    level: str | None = Field(default=None, max_length=64)
    note: str | None = Field(default=None, max_length=2000)
    attributes: dict[Annotated[str, Field(min_length=1, max_length=64)], Scalar] | None = Field(
        default=None, max_length=50, description="Whatever else; replaced as a whole"
    )
    fields: dict[FieldKey, CustomValue] = Field(
        default={},
        max_length=MOST_FIELDS,
        description="Custom fields by key, each replaced by itself; choices by ids of options, null empties one",
    )


class PoolIn(Body):
    """Whether the person enters the pool, where nobody is their friend."""

    enter: Annotated[bool, Field(strict=True)] = True
    source: Source | None = Field(default=None, description="Else the shop or mini-program among the identities")
    department_id: Number | None = Field(default=None, description="The outlet that is nearest, or responsible")


class UpsertBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.UPSERT})
    identities: list[IdentityIn] = Field(min_length=1, max_length=20)
    fields: OwnFields = Field(default_factory=OwnFields)
    pool: PoolIn | None = Field(
        default=None,
        description="Left out: who is made by an identity of a shop or a mini-program enters the pool (POOL-1)",
    )


class EditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.EDIT})
    fields: OwnFields = Field(description="What is to be different; what is absent stays")


class VerifiedBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.VERIFIED})
    verified: Annotated[bool, Field(strict=True)] = False


class ItemIn(Body):
    """A line of an order."""

    goods_id: Id = Field(description="Your number of the goods (SKU), the same in all your shops")
    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)] | None = Field(
        default=None, description="What you call them; the newest name is shown"
    )
    quantity: Annotated[int, Field(ge=1, le=10**6, strict=True)] = 1
    amount: MinorUnits = Field(description="Of the whole line, in minor units of the order's currency")


class OrderBody(Body):
    """The state of an order. `updated_at` is yours: an older state than the one recorded changes nothing."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ORDER})
    customer: IdentityIn
    amount: MinorUnits = Field(description="In minor units: 19900 is 199.00 CNY")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    status: OrderStatus
    items_count: Count
    items: list[ItemIn] | None = Field(
        default=None,
        max_length=MOST_ITEMS,
        description="What was bought, all of it: replaces the lines recorded before. Left out: these stay",
    )
    paid_at: Moment | None = None
    updated_at: Moment

    @model_validator(mode="after")
    def _paid(self) -> "OrderBody":
        if self.paid_at is None and self.status in ("paid", "shipped", "completed"):
            raise ValueError("an order that is paid, shipped or completed has a paid_at")
        return self


class EventIn(Body):
    event_id: Id
    customer: IdentityIn
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$", description="Such as page_viewed")]
    occurred_at: Moment
    shop: Name | None = None
    properties: dict[Annotated[str, Field(min_length=1, max_length=64)], Scalar] = Field(default={}, max_length=50)


class EventsBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.EVENTS})
    events: list[EventIn] = Field(min_length=1, max_length=MOST_EVENTS)


class TagsBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAGS})
    add: list[Id] = Field(
        default=[],
        max_length=100,
        description="Goes to the assigned associate's relation, or waits for one; local:ID to the customer",
    )
    remove: list[Id] = Field(default=[], max_length=100, description="Leaves all relations that have it")
    reason: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "TagsBody":
        if not self.add and not self.remove:
            raise ValueError("nothing to add or remove")
        if both := set(self.add) & set(self.remove):
            raise ValueError(f"{len(both)} of the tags are to be added and removed")
        return self


Phone = Annotated[str, Field(min_length=1, max_length=LONGEST_PHONE)]
MOST_PHONES = 20
"""Of one relation; WeCom publishes no number."""


class RelationBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.RELATION})
    remark: str | None = Field(default=None, max_length=TEXTS["remark"])
    description: str | None = Field(default=None, max_length=TEXTS["description"])
    remark_corp_name: str | None = Field(default=None, max_length=TEXTS["remark_corp_name"])
    remark_mobiles: list[Phone] | None = Field(default=None, max_length=MOST_PHONES, description="Replaces all numbers")
    reason: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "RelationBody":
        if all(getattr(self, name) is None for name in NOTES):
            raise ValueError("name remark, description, remark_corp_name or remark_mobiles; an empty one empties it")
        return self


class AssignmentBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.ASSIGNMENT})
    userid: Id


class CustomerPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class RelationPath(CustomerPath):
    userid: Id = Field(json_schema_extra={"example": "LiNa"})


class IdentityPath(CustomerPath):
    kind: Kind
    value: Annotated[str, Field(min_length=1, max_length=LONGEST, json_schema_extra={"example": "C-2002"})]


class OrderPath(Body):
    shop: Name = Field(json_schema_extra={"example": "tmall"})
    order_id: Id = Field(json_schema_extra={"example": "T-5001"})


class IntentPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


Cursor = Annotated[str, Field(max_length=500, description="next_cursor of the page before; without it, the first page")]
Limit = Annotated[int, Field(ge=1, le=MOST_PAGE)]


class CustomersQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 100
    updated_since: Moment | None = Field(default=None, description="Oldest change first; go on from `complete_until`")
    assigned_userid: Id | None = None
    standing: Standing | None = None
    identity_kind: Kind | None = None
    identity_value: Value | None = None

    @model_validator(mode="after")
    def _both(self) -> "CustomersQuery":
        if (self.identity_kind is None) != (self.identity_value is None):
            raise ValueError("identity_kind and identity_value belong together")
        return self


class PageQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 100
