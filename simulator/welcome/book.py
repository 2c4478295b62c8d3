"""Welcome codes and what was said with them; the welcome material of group chats."""

import secrets
from collections import defaultdict
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
    _of_pairs: dict[tuple[str, str], list[WelcomeCode]] = field(default_factory=lambda: defaultdict(list))

    def issue(self, userid: str, external_userid: str, *, at: int) -> str:
        """A new code for the pair's welcome."""
        code = f"WC_{secrets.token_urlsafe(12)}"
        self.codes[code] = WelcomeCode(code, userid, external_userid, at)
        self._of_pairs[userid, external_userid].append(self.codes[code])
        return code

    def of_pair(self, userid: str, external_userid: str) -> list[WelcomeCode]:
        return self._of_pairs.get((userid, external_userid), [])

    def member_renamed(self, old: str, new: str) -> None:
        for item in self.codes.values():
            item.userid = new if item.userid == old else item.userid
        for userid, external_userid in [key for key in self._of_pairs if key[0] == old]:
            self._of_pairs[new, external_userid] = self._of_pairs.pop((userid, external_userid))
