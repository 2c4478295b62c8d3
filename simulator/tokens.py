"""Access tokens: one per (corp, secret), the same one as long as it is valid.

Source: WeCom server API, access_token (page 91039).
"""

import secrets
from dataclasses import dataclass, replace

from simulator.errors import ApiError

# Characters; a real token is some 210 long, and may have up to 512.
USUAL_BYTES, MOST_BYTES = 160, 384


@dataclass(frozen=True, slots=True)
class Grant:
    corp_id: str
    secret: str
    expires_at: float


class TokenBook:
    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._current: dict[tuple[str, str], str] = {}

    def issue(self, corp_id: str, secret: str, *, now: float, ttl_s: int, long: bool = False) -> tuple[str, int]:
        """The valid token of this secret and the seconds it still lives; a new one when there is none."""
        token = self._current.get((corp_id, secret), "")
        grant = self._grants.get(token)
        if grant is None or grant.expires_at <= now:
            token = secrets.token_urlsafe(MOST_BYTES if long else USUAL_BYTES)
            grant = Grant(corp_id, secret, now + ttl_s)
            self._grants[token] = grant
            self._current[corp_id, secret] = token
        return token, round(grant.expires_at - now)

    def check(self, token: str, *, now: float) -> Grant:
        """Whose token this is; ApiError 41001 missing, 40014 unknown or revoked, 42001 expired."""
        if not token:
            raise ApiError(41001)
        grant = self._grants.get(token)
        if grant is None:
            raise ApiError(40014)
        if grant.expires_at <= now:
            raise ApiError(42001)
        return grant

    def corp_id_of(self, token: str) -> str:
        """The corp of a token, living or expired; empty when it is unknown."""
        grant = self._grants.get(token)
        return grant.corp_id if grant else ""

    def revoke(
        self, *, corp_id: str = "", secret: str = "", token: str = "", expired: bool = False, now: float = 0
    ) -> int:
        """Kill tokens early: one, those of a secret or a corp, or all that live; returns how many.

        They are unknown from then on (40014), or expired before their time (42001).
        """
        doomed = [
            key
            for key, grant in self._grants.items()
            if (not corp_id or grant.corp_id == corp_id)
            and (not secret or grant.secret == secret)
            and (not token or key == token)
            and grant.expires_at > now
        ]
        for key in doomed:
            if expired:
                self._grants[key] = replace(self._grants[key], expires_at=now)
            else:
                del self._grants[key]
        return len(doomed)
