"""How many calls of each API an account has in a day.

Source: WeChat Official Account guide, API call limits. They are defaults of a new account: an account may be given
others.
"""

from dataclasses import dataclass, field

from simulator.official_account.errors import RefusedError

CLEARS_A_MONTH = 10
# API -> (account, test account); APIs of one name share the count.
DEFAULTS = {
    "token": (2000, 200),
    "stable_token": (500_000, 500_000),
    "menu/create": (1000, 100),
    "menu/get": (10_000, 1000),
    "menu/delete": (1000, 100),
    "menu/addconditional": (2000, 2000),
    "menu/delconditional": (2000, 2000),
    "menu/trymatch": (20_000, 20_000),
    "tags/create": (1000, 100),
    "tags/get": (1000, 100),
    "tags/update": (1000, 100),
    "tags/members": (100_000, 1000),
    "message/custom/send": (500_000, 50_000),
    "message/mass": (100, 100),
    "message/template/send": (100_000, 100_000),
    "qrcode/create": (100_000, 10_000),
    "user/get": (500, 100),
    "user/info": (5_000_000, 500_000),
    "user/info/updateremark": (10_000, 10_000),
}


@dataclass
class Quotas:
    """`own` are the account's numbers where they differ from the defaults."""

    own: dict[str, int] = field(default_factory=dict)
    test_account: bool = False
    day: int = 0
    used: dict[str, int] = field(default_factory=dict)
    cleared_in: tuple[int, int] = (0, 0)

    def limit(self, name: str) -> int:
        """0: not limited."""
        return self.own.get(name, DEFAULTS.get(name, (0, 0))[self.test_account])

    def take(self, name: str, *, day: int) -> None:
        """Count one call; RefusedError 45009 when the day's are used up."""
        if not name:
            return
        self._turn(day)
        limit = self.limit(name)
        if limit and self.used.get(name, 0) >= limit:
            raise RefusedError(45009)
        self.used[name] = self.used.get(name, 0) + 1

    def left(self, name: str, *, day: int) -> dict[str, int]:
        self._turn(day)
        used, limit = self.used.get(name, 0), self.limit(name)
        return {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}

    def clear(self, *, month: int) -> None:
        """All counters anew; RefusedError 48006 beyond ten times a month."""
        times = self.cleared_in[1] if self.cleared_in[0] == month else 0
        if times >= CLEARS_A_MONTH:
            raise RefusedError(48006)
        self.cleared_in = (month, times + 1)
        self.used.clear()

    def _turn(self, day: int) -> None:
        if day != self.day:
            self.day = day
            self.used.clear()
