"""Welcome codes and what was said with them; the welcome material of group chats."""

import secrets
from dataclasses import dataclass, field
from typing import Any


@dataclass
class WelcomeCode:
    """`at` is the time of the event that carried the code; `said` is the message, empty until it is sent."""

    code: str
    userid: str
    external_userid: str
    at: int
    said: dict[str, Any] = field(default_factory=dict)
    said_at: int = 0
    agent_id: int = 0


@dataclass
class Material:
    template_id: str
    agent_id: int
    content: dict[str, Any]


@dataclass
class WelcomeBook:
    codes: dict[str, WelcomeCode] = field(default_factory=dict)
    materials: dict[str, Material] = field(default_factory=dict)

    def issue(self, userid: str, external_userid: str, *, at: int) -> str:
        """A new code for the pair's welcome."""
        code = f"WC_{secrets.token_urlsafe(12)}"
        self.codes[code] = WelcomeCode(code, userid, external_userid, at)
        return code
