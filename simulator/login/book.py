"""Logins of a corp: codes, user tickets, what the console says about each app, and the tickets of pages.

Source: WeCom server API, login (pages 96441 to 96443, 98171), JS-SDK (page 96909).
"""

import secrets
from dataclasses import dataclass, field, replace

# Source: WeCom server API, login (pages 96442 and 96443).
CODE_LIFE_S, USER_TICKET_LIFE_S = 300, 1800
# Source: WeCom server API, JS-SDK (page 96909).
PAGE_TICKET_LIFE_S = 7200


@dataclass(frozen=True)
class Console:
    """What the administrator set for one app: its trusted domain, and the personal fields that it may ask for."""

    trusted_domain: str = ""
    fields: frozenset[str] = frozenset()


@dataclass
class Code:
    """One visit. A member has a `userid`, anybody else an `openid`; `agreed` are the fields that the member grants.

    `agent_id` 0: the page named no app. `scope` is empty after a login on the web.
    """

    at: float = 0
    agent_id: int = 0
    scope: str = ""
    userid: str = ""
    openid: str = ""
    external_userid: str = ""
    device: str = ""
    agreed: frozenset[str] = frozenset()
    used: bool = False


@dataclass(frozen=True)
class UserTicket:
    at: float
    secret: str
    userid: str
    agreed: frozenset[str]


@dataclass(frozen=True)
class PageTicket:
    """For wx.config when `secret` is empty, else for wx.agentConfig of that app."""

    ticket: str
    secret: str
    expires_at: float


@dataclass
class LoginBook:
    """`consoles` by agent id; `tickets` are all that were ever given, newest last."""

    consoles: dict[int, Console] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    user_tickets: dict[str, UserTicket] = field(default_factory=dict)
    tickets: list[PageTicket] = field(default_factory=list)

    def put_code(self, code: Code) -> str:
        key = secrets.token_urlsafe(32)
        self.codes[key] = code
        return key

    def put_user_ticket(self, ticket: UserTicket) -> str:
        key = secrets.token_urlsafe(48)
        self.user_tickets[key] = ticket
        return key

    def member_renamed(self, old: str, new: str) -> None:
        """Logins that are under way go on under the new userid."""
        for code in self.codes.values():
            code.userid = new if code.userid == old else code.userid
        for key, ticket in self.user_tickets.items():
            if ticket.userid == old:
                self.user_tickets[key] = replace(ticket, userid=new)

    def page_ticket(self, secret: str, *, now: float) -> PageTicket:
        """The ticket that is valid now, a new one when there is none."""
        valid = next((item for item in self.tickets if item.secret == secret and now < item.expires_at), None)
        if valid is None:
            valid = PageTicket(secrets.token_urlsafe(64), secret, now + PAGE_TICKET_LIFE_S)
            self.tickets.append(valid)
        return valid
