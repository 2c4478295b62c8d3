"""What WeCom's reads show at rest, read plainly, and what the received pushes say beside them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.convergence.post import Letter
from tests.convergence.town import FRIEND, LOST

Pair = tuple[str, str]
GONE = (40014, 42001)


@dataclass
class Shown:
    """Of one corp. `pairs`: what reads show of each relation; `true`: every relation as it is, seen or not."""

    follow_users: frozenset[str]
    pairs: dict[Pair, dict[str, Any]]
    names: dict[str, str]
    unassigned: dict[Pair, int]
    true: dict[Pair, dict[str, Any]]
    resigned: frozenset[str]


@dataclass
class Reader:
    """The API without a client: one token, no retries."""

    base: str
    corp_id: str
    secret: str
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False
        self.token = ""
        self.token = self.call("gettoken", corpid=self.corp_id, corpsecret=self.secret)["access_token"]

    def call(self, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        answer = self.ask(path, body, **query)
        if answer["errcode"] in GONE and self.token:  # everybody is given the same token, also in its last second
            self.token = ""
            self.token = self.call("gettoken", corpid=self.corp_id, corpsecret=self.secret)["access_token"]
            answer = self.ask(path, body, **query)
        assert answer["errcode"] == 0, answer
        return answer

    def ask(self, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        """The answer, whatever its errcode."""
        query |= {"access_token": self.token} if self.token else {}
        method = "GET" if body is None else "POST"
        answer = self.http.request(method, f"{self.base}/cgi-bin/{path}", params=query, json=body, timeout=30)
        return dict(answer.json())

    def pages(self, path: str, rows: str, **body: Any) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            answer = self.call(path, {**body, "cursor": cursor})
            yield from answer[rows]
            cursor = answer["next_cursor"]
            if not cursor:
                return

    def look(self, path: str) -> Any:
        return self.http.get(f"{self.base}/sim/corps/{self.corp_id}/{path}", timeout=30).json()


def shown_by(reader: Reader, resigned: Collection[str]) -> Shown:
    follow_users = reader.call("externalcontact/get_follow_user_list")["follow_user"]
    rows = list(
        reader.pages("externalcontact/batch/get_by_user", "external_contact_list", userid_list=follow_users, limit=100)
        if follow_users
        else ()
    )
    unassigned = reader.pages("externalcontact/get_unassigned_list", "info", page_size=1000)
    return Shown(
        follow_users=frozenset(follow_users),
        pairs={
            (row["follow_info"]["userid"], row["external_contact"]["external_userid"]): row["follow_info"]
            for row in rows
        },
        names={row["external_contact"]["external_userid"]: row["external_contact"]["name"] for row in rows},
        unassigned={(row["handover_userid"], row["external_userid"]): row["dimission_time"] for row in unassigned},
        true={(row["userid"], row["external_userid"]): row for row in reader.look("pairs")},
        resigned=frozenset(resigned),
    )


@dataclass(frozen=True)
class Told:
    """What received pushes say of one relation: (second, change) of each, without repeats, in order of time.

    `started`: when it really began last; a read may have shown that. `states`: (second, State) of adds that named one.
    """

    events: tuple[tuple[int, str], ...] = ()
    started: int = 0
    states: tuple[tuple[int, str], ...] = ()

    @property
    def add_state(self) -> str:
        """What holds when reads name none: the last State since the last end."""
        return max(((at, one) for at, one in self.states if at > self.last(*ENDS)), default=(0, ""))[1]

    def times(self, *changes: str) -> list[int]:
        return [at for at, change in self.events if change in changes]

    def last(self, *changes: str) -> int:
        return max(self.times(*changes), default=0)


STARTS = frozenset({"add", "confirm", "transfer_done"})
ADDED, HALF_ADDED = "add_external_contact", "add_half_external_contact"
LOST_BY, DELETED, TRANSFERRED = "del_follow_user", "del_external_contact", "transferred"
ENDS = (LOST_BY, DELETED, TRANSFERRED)
SAYS = frozenset({ADDED, HALF_ADDED, LOST_BY, DELETED})
"""What is evidence; an edit only says that there is something to look at."""


def told_by(letters: list[Letter], corp_id: str, history: Sequence[tuple[str, dict[str, Any]]]) -> dict[Pair, Told]:
    found: dict[Pair, set[tuple[int, str]]] = {}
    states: dict[Pair, set[tuple[int, str]]] = {}
    for letter in letters:
        told = letter.fields
        if letter.corp_id == corp_id and told.get("ChangeType") in SAYS:
            change = TRANSFERRED if told.get("Source") == "DELETE_BY_TRANSFER" else told["ChangeType"]
            pair = (told["UserID"], told["ExternalUserID"])
            found.setdefault(pair, set()).add((int(told["CreateTime"]), change))
            if told.get("State"):
                states.setdefault(pair, set()).add((int(told["CreateTime"]), told["State"]))
    started = {
        (order.get("userid") or order["takeover_userid"], order["external_userid"]): order["at"]
        for where, order in history
        if where == corp_id and order["do"] in STARTS
    }
    pairs = found.keys() | started.keys()
    return {
        pair: Told(tuple(sorted(found.get(pair, ()))), started.get(pair, 0), states=tuple(sorted(states.get(pair, ()))))
        for pair in pairs
    }


def states_of(pair: Pair, shown: Shown, told: Told) -> frozenset[str | None]:
    """The states in which the relation may be recorded, None for not at all: reads, and all that was received (G2)."""
    read, true = shown.pairs.get(pair), shown.true.get(pair)
    if true is None:
        return frozenset({None})
    if read is not None:
        start = max(int(read["createtime"]), told.last(ADDED))
        return frozenset({"ended_by_customer" if told.last(LOST_BY) >= start else "active"})
    ended = {"ended_by_associate"}
    ended |= {"ended_by_customer"} if told.times(LOST_BY) else set()
    ended |= {"transferred"} if told.times(TRANSFERRED) else set()
    found: set[str | None] = set() if told.events else {None}
    half_at = told.last(HALF_ADDED)
    if half_at > told.last(ADDED, LOST_BY, DELETED, TRANSFERRED):
        found |= {"half"}
        if half_at > told.started:
            return frozenset(found)
    if true["state"] in (FRIEND, LOST):  # the member is out of sight, or gone
        left = pair[0] in shown.resigned and pair not in shown.unassigned
        found |= {"associate_left", "out_of_sight"} if left else set()
        found |= {"associate_left" if pair in shown.unassigned else "out_of_sight"}
        # A start out of the app's sight is told by nobody: then what ended before is all that there is to know.
        found |= ended if told.started > told.last(ADDED) else ended & {"ended_by_customer"}
        return frozenset(found)
    return frozenset(
        found | ended if pair[0] in shown.follow_users else found | ended | {"out_of_sight", "associate_left"}
    )
