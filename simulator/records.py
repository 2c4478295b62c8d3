"""What the simulated WeCom remembers: corps, apps, members, customers and the pairs between them.

The unit is the pair (member, customer), not the customer: each pair has its own state, remark and tags.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

ROOT_DEPARTMENT = 1
Book = TypeVar("Book")


class PairState(StrEnum):
    """`half`: the member has not confirmed. `gone`: the member deleted the customer, or handed the customer over."""

    HALF = "half"
    ACTIVE = "active"
    DELETED_BY_CUSTOMER = "deleted_by_customer"
    GONE = "gone"


# A customer who deletes the member leaves a one-way relation that every read still returns, unmarked.
READABLE = frozenset({PairState.ACTIVE, PairState.DELETED_BY_CUSTOMER})


@dataclass(frozen=True)
class App:
    """A secret and what it may do; `visible` None means that it sees everybody.

    `kind` is app (self-built), directory (contact sync), system (a system app such as customer contact) or suite.
    """

    name: str
    secret: str
    agent_id: int
    customer_contact: bool = True
    visible: frozenset[str] | None = None
    kind: str = "app"
    disabled: bool = False
    # Addresses that may call; None: any. Addresses that were added since 2022-08-15 ("*": all), for a directory secret.
    trusted_ips: frozenset[str] | None = None
    new_ips: frozenset[str] = frozenset()
    # The suite that this app came with, and whether its permanent code is a secret for gettoken.
    suite_id: str = ""
    delegated: bool = False
    # The appid of the mini-program that is linked with this app; "" is none.
    miniprogram: str = ""
    # Departments in the visible range, with all below them; apps made before 2022-06-20 still get personal fields.
    visible_departments: frozenset[int] = frozenset()
    sees_personal_data: bool = False

    @cached_property
    def _seen(self) -> frozenset[str]:
        return frozenset(userid.lower() for userid in self.visible or ())

    def sees(self, userid: str) -> bool:
        """Whether a member is in the visible range; userids have no case."""
        return self.visible is None or userid.lower() in self._seen


@dataclass(frozen=True)
class Receiver:
    """Where callbacks go. `receiveid` is the corp id for style app, the suite id for style suite.

    `app` is the secret of the app that it belongs to, and then it hears what that app may hear; empty: everything.
    `mode` is for style official_account: plaintext, compatible or secure.
    """

    url: str
    token: str
    encoding_aes_key: str
    receiveid: str
    style: str = "app"
    app: str = ""
    mode: str = "secure"
    # The address was last saved before 2022-08-15: address-book events come in full, not as ids only.
    full_events: bool = False


@dataclass
class Department:
    department_id: int
    name: str
    parent_id: int = ROOT_DEPARTMENT
    order: int = 0
    leaders: tuple[str, ...] = ()


@dataclass(slots=True)
class Customer:
    """`type` 1 is a WeChat user, 2 a WeCom user of another corp; empty text means that reads leave the field out.

    `avatar` None is one made from the id; `profile` is the external_profile of a WeCom user.
    """

    external_userid: str
    name: str
    type: int = 1
    gender: int = 0
    unionid: str = ""
    avatar: str | None = None
    corp_name: str = ""
    corp_full_name: str = ""
    position: str = ""
    profile: dict[str, Any] | None = None
    pairs: "list[Pair]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Pair:
    """`tags` are corp tag ids, `personal_tags` names; `channel` is the contact way's `state` text."""

    userid: str
    customer: Customer
    state: PairState
    createtime: int
    remark: str = ""
    description: str = ""
    remark_company: str = ""
    tags: tuple[str, ...] = ()
    personal_tags: tuple[str, ...] = ()
    remark_mobiles: tuple[str, ...] = ()
    add_way: int = 1
    channel: str = ""
    oper_userid: str = ""
    wechat_channels: dict[str, Any] | None = None

    @property
    def readable(self) -> bool:
        return self.state in READABLE


@dataclass
class Member:
    userid: str
    name: str
    departments: tuple[int, ...] = (ROOT_DEPARTMENT,)
    main_department: int = ROOT_DEPARTMENT
    leader_in: frozenset[int] = frozenset()
    direct_leader: tuple[str, ...] = ()
    position: str = ""
    has_customer_contact: bool = True
    status: int = 1
    resigned: bool = False
    # Unix seconds; None: never resigned.
    resigned_at: float | None = None
    # Real-name verified; blocked by WeCom; the last login in Unix seconds, None: recently; 0: the family's own cap.
    verified: bool = True
    banned: bool = False
    last_login: float | None = None
    contact_cap: int = 0
    # Has the licence without which service providers' apps do not get the member's customers.
    licensed: bool = True
    # What else user/get tells, by its keys there: mobile, email, avatar, alias, extattr, order and so on.
    details: dict[str, Any] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    _ordered: list[str] | None = None
    _moved: dict[str, str] = field(default_factory=dict)

    @property
    def serves_customers(self) -> bool:
        return self.has_customer_contact and not self.resigned

    def put(self, pair: Pair) -> None:
        external_userid = pair.customer.external_userid
        if self._ordered is not None and external_userid not in self.pairs:
            insort(self._ordered, self._moved.get(external_userid, external_userid))
        self.pairs[external_userid] = pair

    def ordered(self) -> list[str]:
        """The keys of the pairs as a walk meets them: by id, which is not the order of adding."""
        if self._ordered is None:
            self._ordered = sorted(self._moved.get(found, found) for found in self.pairs)
        return self._ordered

    def forget_order(self) -> None:
        """Put many pairs now and sort them once, rather than one by one."""
        self._ordered = None

    def move(self, external_userid: str, prefix: str) -> None:
        """Give a pair another place in the order."""
        ordered, earlier = self.ordered(), self._moved.get(external_userid, external_userid)
        del ordered[bisect_left(ordered, earlier)]
        self._moved[external_userid] = f"{prefix}\0{external_userid}"
        insort(ordered, self._moved[external_userid])

    def keys_after(self, key: str) -> Iterator[str]:
        """The keys beyond one, "" for all."""
        ordered = self.ordered()
        for position in range(bisect_right(ordered, key) if key else 0, len(ordered)):
            yield ordered[position]

    def pair_at(self, key: str) -> Pair:
        return self.pairs[key.rpartition("\0")[2]]


@dataclass(slots=True)
class Delivery:
    """One message for one member; `displayed` is what is left after WeCom's cuts."""

    msgid: str
    sequence: int
    agent_id: int
    userid: str
    msgtype: str
    payload: dict[str, Any]
    displayed: dict[str, Any]
    at: int
    dropped: bool = False
    duplicate: bool = False
    recalled: bool = False


@dataclass(eq=False)
class Corp:
    """One tenant. Members are found by lower-cased userid: WeCom does not tell them apart by case."""

    corp_id: str
    name: str = ""
    token_ttl_s: int = 7200
    # System secrets do not work in it; 610023 or 610024 while WeCom has frozen its customer management.
    made_since_2023_12: bool = False
    frozen: int = 0
    apps: dict[str, App] = field(default_factory=dict)
    receivers: list[Receiver] = field(default_factory=list)
    departments: dict[int, Department] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    inboxes: dict[str, list[Delivery]] = field(default_factory=dict)
    flood: dict[tuple[int, str], deque[float]] = field(default_factory=dict)
    sent_bodies: dict[tuple[int, bytes], float] = field(default_factory=dict)
    handed_over: set[tuple[str, str]] = field(default_factory=set)
    books: dict[type, Any] = field(default_factory=dict)
    recent: deque[Pair] = field(default_factory=lambda: deque(maxlen=500))

    def __post_init__(self) -> None:
        self.departments.setdefault(
            ROOT_DEPARTMENT, Department(ROOT_DEPARTMENT, self.name or self.corp_id, parent_id=0, order=100_000_000)
        )

    def book(self, kind: type[Book]) -> Book:
        """What one family remembers of this corp, empty at first."""
        found: Book | None = self.books.get(kind)
        if found is None:
            found = self.books[kind] = kind()
        return found

    def member(self, userid: str) -> Member | None:
        return self.members.get(userid.lower())

    def in_scope(self, app: App, member: Member) -> bool:
        """Whether the app may see the member: by name, or by a department."""
        roots = app.visible_departments
        return app.sees(member.userid) or any(self.lies_under(roots, item) for item in member.departments)

    def lies_under(self, roots: frozenset[int], department_id: int) -> bool:
        """Whether a department is one of `roots` or lies below one."""
        climbed: set[int] = set()
        while roots and department_id in self.departments and department_id not in climbed:
            if department_id in roots:
                return True
            climbed.add(department_id)
            department_id = self.departments[department_id].parent_id
        return False

    def link(self, pair: Pair) -> None:
        """File a new pair under its member and its customer; an earlier pair of the two is replaced."""
        member = self.members[pair.userid.lower()]
        customer = pair.customer
        earlier = member.pairs.get(customer.external_userid)
        if earlier is None:
            customer.pairs.append(pair)
        else:
            customer.pairs[customer.pairs.index(earlier)] = pair
        self.customers[customer.external_userid] = customer
        member.put(pair)
        self.recent.append(pair)

    def descendants(self, department_id: int) -> list[Department]:
        """The department and everything below it, larger `order` first."""
        inside = {department_id}
        found = [self.departments[department_id]]
        rest = [item for key, item in self.departments.items() if key != department_id]
        while True:
            children = [item for item in rest if item.parent_id in inside and item.department_id not in inside]
            if not children:
                return sorted(found, key=lambda item: (-item.order, item.department_id))
            found += children
            inside |= {item.department_id for item in children}
