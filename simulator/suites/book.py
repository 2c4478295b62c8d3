"""What WeCom remembers of service providers: their suites, tickets, codes and tokens.

Source: WeCom server API, third-party applications (pages 90628, 97162, 90605).
"""

import secrets
from dataclasses import dataclass, field

from simulator.errors import ApiError
from simulator.records import Receiver

TICKET_EVERY_S, TICKET_LIFE_S = 600, 1800
TOKEN_LIFE_S = 7200
AUTH_CODE_LIFE_S = 600


def new_code(beginning: str, size: int = 48) -> str:
    return f"{beginning}{secrets.token_urlsafe(size)}"


@dataclass
class Installation:
    """A corp's side of a suite; `permanent_code` is empty until the code of the installation is exchanged."""

    corp_id: str
    agent_id: int
    visible: frozenset[str] | None = None
    state: str = ""
    permanent_code: str = ""


@dataclass
class AuthCode:
    installation: Installation
    until: float


@dataclass
class Suite:
    """`receiver` is the command address; a delegated suite's permanent codes are secrets for gettoken."""

    suite_id: str
    secret: str
    name: str = ""
    delegated: bool = False
    customer_contact: bool = True
    receiver: Receiver | None = None
    # Newest last, with the times they were made.
    tickets: list[tuple[str, float]] = field(default_factory=list)
    pre_auth_codes: dict[str, float] = field(default_factory=dict)
    auth_codes: dict[str, AuthCode] = field(default_factory=dict)
    installations: dict[str, Installation] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    def accepts_ticket(self, ticket: str, *, now: float) -> bool:
        return any(ticket == made and now < at + TICKET_LIFE_S for made, at in self.tickets)


@dataclass
class SuiteBook:
    suites: dict[str, Suite] = field(default_factory=dict)
    # Provider's corp id -> secret.
    providers: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def token_of(self, owner: str, *, now: float) -> tuple[str, int]:
        """The living token of a suite or a provider, the same for two hours, and the seconds it still lives."""
        for token, (whose, until) in self._tokens.items():
            if whose == owner and now < until:
                return token, round(until - now)
        token = secrets.token_urlsafe(120)
        self._tokens[token] = (owner, now + TOKEN_LIFE_S)
        return token, TOKEN_LIFE_S

    def suite_of(self, token: str, *, now: float) -> Suite:
        """Whose suite_access_token this is; ApiError 41022 missing, 40082 unknown, 42009 expired."""
        if not token:
            raise ApiError(41022)
        owner, until = self._tokens.get(token, ("", 0.0))
        if owner not in self.suites:
            raise ApiError(40082)
        if until <= now:
            raise ApiError(42009)
        return self.suites[owner]
