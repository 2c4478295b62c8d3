"""What an endpoint is given and how it is described."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from simulator.errors import ApiError
from simulator.records import App, Book, Corp, Member
from simulator.world import Numbers, World


@dataclass(frozen=True)
class Call:
    """One authenticated call; `body` is the raw request body."""

    world: World
    corp: Corp
    app: App
    query: dict[str, str]
    body: bytes

    def book(self, kind: type[Book]) -> Book:
        """What a family remembers of the caller's corp."""
        return self.corp.book(kind)

    def settings(self, kind: type[Numbers]) -> Numbers:
        return self.world.settings(kind)

    def sees(self, member: Member) -> bool:
        return self.app.visible is None or member.userid in self.app.visible

    def member(self, userid: str) -> Member:
        """The member in service and in the app's scope; ApiError 40063 when not named, 60111 when not found."""
        if not userid:
            raise ApiError(40063, detail="userid")
        member = self.corp.member(userid)
        if member is None or member.resigned or not self.sees(member):
            raise ApiError(60111)
        return member

    def json(self) -> dict[str, Any]:
        """The body as an object; ApiError 40058 when it is not JSON or not an object."""
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise ApiError(40058, detail="Warning: wrong json format.") from None
        if not isinstance(parsed, dict):
            raise ApiError(40058, detail="Warning: wrong json format.")
        return parsed


@dataclass(frozen=True)
class Endpoint:
    """`empty` is what an error body carries besides errcode and errmsg: the list field, empty."""

    method: str
    run: Callable[[Call], dict[str, Any]]
    empty: dict[str, Any] = field(default_factory=dict)
    customer_contact: bool = False
