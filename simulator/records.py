"""What the simulated WeCom remembers: corps, apps, members, customers and the pairs between them.

The unit is the pair (member, customer), not the customer: each pair has its own state, remark and tags.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
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
    """A self-built app; `visible` None means that it sees everybody."""

    name: str
    secret: str
    agent_id: int
    customer_contact: bool = True
    visible: frozenset[str] | None = None


@dataclass(frozen=True)
class Receiver:
    """Where callbacks go. `receiveid` is the corp id for style app, the suite id for style suite."""

    url: str
    token: str
    encoding_aes_key: str
    receiveid: str
    style: str = "app"


@dataclass
class Department:
    department_id: int
    name: str
    parent_id: int = ROOT_DEPARTMENT
    order: int = 0
    leaders: tuple[str, ...] = ()


@dataclass(slots=True)
class Customer:
    """`type` 1 is a WeChat user, 2 a WeCom user of another corp; empty text means that reads leave the field out."""

    external_userid: str
    name: str
    type: int = 1
    gender: int = 0
    unionid: str = ""
    avatar: str = ""
    corp_name: str = ""
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
    pairs: dict[str, Pair] = field(default_factory=dict)
    _ordered: list[str] | None = None

    @property
    def serves_customers(self) -> bool:
        return self.has_customer_contact and not self.resigned

    def put(self, pair: Pair) -> None:
        external_userid = pair.customer.external_userid
        if self._ordered is not None and external_userid not in self.pairs:
            insort(self._ordered, external_userid)
        self.pairs[external_userid] = pair

    def readable_after(self, external_userid: str) -> Iterator[Pair]:
        """Walk the readable pairs beyond an id, in the order of the ids, which is not the order of adding."""
        if self._ordered is None:
            self._ordered = sorted(self.pairs)
        for position in range(bisect_right(self._ordered, external_userid), len(self._ordered)):
            pair = self.pairs[self._ordered[position]]
            if pair.readable:
                yield pair


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


@dataclass(eq=False)
class Corp:
    """One tenant. Members are found by lower-cased userid: WeCom does not tell them apart by case."""

    corp_id: str
    name: str = ""
    token_ttl_s: int = 7200
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
        found: Book = self.books.setdefault(kind, kind())
        return found

    def member(self, userid: str) -> Member | None:
        return self.members.get(userid.lower())

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
