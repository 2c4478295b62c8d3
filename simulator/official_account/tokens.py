"""Access tokens of an official account: the classic and the stable kind do not touch each other.

Source: WeChat Official Account guide, get access token and get stable access token.
"""

import secrets
from dataclasses import dataclass, field

from simulator.official_account.errors import RefusedError

TTL_S = 7200
RENEWED_BEFORE_S = 300
FORCED_A_DAY = 20
FORCED_APART_S = 30


@dataclass
class Token:
    """`replaced` decides what a dead token is told: 40001 (not the latest) or 42001 (expired)."""

    expires_at: float
    replaced: bool = False


@dataclass
class AccountTokens:
    live: dict[str, Token] = field(default_factory=dict)
    classic: str = ""
    stable: str = ""
    forced: list[float] = field(default_factory=list)

    def new_classic(self, *, now: float, overlap_s: int) -> tuple[str, int]:
        """A new token each time; the one before dies after the overlap."""
        self._replace(self.classic, at=now + overlap_s)
        self.classic = self._new(now)
        return self.classic, TTL_S

    def get_stable(self, *, now: float, force: bool, day: int) -> tuple[str, int]:
        """The same token until its last five minutes, in which the old one stays valid beside the new.

        Forced, it is replaced at once, at most twenty times a day; within 30 s of the last time nothing is refreshed.

        Raises:
            RefusedError: 45009 when the day's refreshes are used up.
        """
        if force and self.stable and not (self.forced and now - self.forced[-1] < FORCED_APART_S):
            if sum(day_of(at) == day for at in self.forced) >= FORCED_A_DAY:
                raise RefusedError(45009)
            self.forced.append(now)
            self._replace(self.stable, at=now)
            self.stable = self._new(now)
        current = self.live.get(self.stable)
        if current is None or current.expires_at - now <= RENEWED_BEFORE_S:
            self.stable = self._new(now)
            current = self.live[self.stable]
        return self.stable, round(current.expires_at - now)

    def check(self, token: str, *, now: float) -> bool:
        """Whether this account gave the token out; RefusedError 40001 or 42001 when it is dead."""
        found = self.live.get(token)
        if found is None:
            return False
        if found.expires_at <= now:
            raise RefusedError(40001 if found.replaced else 42001)
        return True

    def _new(self, now: float) -> str:
        token = secrets.token_urlsafe(120)
        self.live[token] = Token(now + TTL_S)
        return token

    def _replace(self, token: str, *, at: float) -> None:
        found = self.live.get(token)
        if found is not None and found.expires_at > at:
            found.expires_at, found.replaced = at, True


def day_of(at: float) -> int:
    """The natural day in China, as a number."""
    return int((at + 8 * 3600) // 86400)
