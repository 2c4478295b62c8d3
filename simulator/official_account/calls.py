"""What an endpoint of an official account is given and how it is described."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.official_account.book import Account, Accounts, Follower
from simulator.official_account.errors import RefusedError
from simulator.official_account.settings import OfficialSettings
from simulator.official_account.tokens import day_of
from simulator.world import World

OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class Call:
    """One call; `body` is the raw request body."""

    world: World
    account: Account
    query: dict[str, str]
    body: bytes

    @property
    def now(self) -> float:
        return self.world.now()

    @property
    def day(self) -> int:
        return day_of(self.now)

    @property
    def settings(self) -> OfficialSettings:
        return self.world.settings(OfficialSettings)

    def json(self) -> dict[str, Any]:
        """The body as an object; RefusedError 44002 when there is none, 47001 when it is not one."""
        if not self.body.strip():
            raise RefusedError(44002)
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise RefusedError(47001) from None
        if not isinstance(parsed, dict):
            raise RefusedError(47001)
        return parsed

    def known(self, openid: Any) -> Follower:
        """Somebody who follows or followed; RefusedError 41009, 40003, or 49003 when another account's openid."""
        if not openid or not isinstance(openid, str):
            raise RefusedError(41009)
        found = self.account.followers.get(openid)
        if found is None:
            others = self.world.book(Accounts).by_appid.values()
            raise RefusedError(49003 if any(openid in other.followers for other in others) else 40003)
        return found

    def openids(self, body: dict[str, Any], *, most: int, key: str = "openid_list") -> list[str]:
        """A list of openids; RefusedError 40031 when it is none, 40032 when it is empty or too long."""
        found = body.get(key)
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise RefusedError(40031)
        if not 1 <= len(found) <= most:
            raise RefusedError(40032)
        return found


@dataclass(frozen=True)
class Endpoint:
    """`run` gives the whole body: successes of this API often have no errcode. `quota` names the day's counter."""

    method: str
    run: Callable[[Call], dict[str, Any]]
    quota: str = ""
    service_only: bool = False
