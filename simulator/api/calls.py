"""What an endpoint is given and how it is described."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from simulator.api.bodies import WARNING, read_object
from simulator.errors import ApiError
from simulator.limits import Span
from simulator.platform_settings import PlatformSettings
from simulator.records import App, Book, Corp, Member
from simulator.world import Numbers, World


@dataclass(frozen=True)
class Request:
    """`address` is the caller's IP, `path` without /cgi-bin/."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    address: str
    content_type: str = ""


@dataclass(frozen=True)
class Answer:
    """`status` 0 is no answer: the connection is cut."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    errcode: int = 0
    errmsg: str = ""


READS = ("get", "list", "check", "contact_list", "statistic", "transfer_result")
"""How the last part of a path begins that reads what is stored."""


@dataclass(frozen=True)
class Call:
    """One authenticated call; `body` is the raw request body."""

    world: World
    corp: Corp
    app: App
    query: dict[str, str]
    body: bytes
    content_type: str = ""
    # What was wrong with the request and was accepted nevertheless.
    warnings: list[str] = field(default_factory=list, compare=False)

    def book(self, kind: type[Book]) -> Book:
        """What a family remembers of the caller's corp."""
        return self.corp.book(kind)

    def settings(self, kind: type[Numbers]) -> Numbers:
        return self.world.settings(kind)

    def sees(self, member: Member) -> bool:
        return self.corp.in_scope(self.app, member)

    def take(self, what: str, *, limit: int, window: Span, per_app: bool = False) -> None:
        """Count one call against a limit of the corp, or of the app; ApiError 45009 when it is beyond."""
        key = (what, self.corp.corp_id, self.app.secret if per_app else "")
        if not self.world.limiter.take(key, limit, window=window, now=self.world.now()):
            raise ApiError(45009)

    def member(self, userid: str) -> Member:
        """The member in service and in the app's scope; ApiError 40063 when not named, 60111 when not found."""
        if not userid:
            raise ApiError(40063, detail="userid")
        member = self.corp.member(userid)
        if member is None or member.resigned or not self.sees(member):
            raise ApiError(60111)
        return member

    def json(self) -> dict[str, Any]:
        """The body as an object, warned of when it is not sound; ApiError 40058 when nothing of it can be read."""
        found, sound = read_object(self.body, partial=self.settings(PlatformSettings).partial_json)
        if not sound:
            self.warnings.append(WARNING)
        return found


@dataclass(frozen=True)
class Endpoint:
    """`empty` is what an error body carries besides errcode and errmsg: the list field, empty.

    `only` names the kinds of secret that may call (App.kind); others get `unless`. `details` marks reads of members and
    departments that a contact-sync secret may not make from a new address (48009). `open` needs no access token: the
    call's corp and app are then nobody's. `bare` answers carry no errcode. `free_if_accepted` counts against the
    frequency limits only when it is refused.
    """

    method: str
    run: Callable[[Call], dict[str, Any]]
    empty: dict[str, Any] = field(default_factory=dict)
    customer_contact: bool = False
    # What one call holds alone while it is under way; another call for the same meanwhile is refused with `when_held`.
    holds: Callable[[Call], Hashable] | None = None
    when_held: int = 45035
    only: frozenset[str] | None = None
    unless: int = 48002
    details: bool = False
    open: bool = False
    bare: bool = False
    free_if_accepted: bool = False

    def reads(self, path: str) -> bool:
        return self.method == "GET" or path.rpartition("/")[2].startswith(READS)
