"""What becomes of application messages and of the groups that the app makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.ids import UserId
from shared.wecom.payloads.reading import IDENTITY, text

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SendResult:
    """`invalid` holds the refused recipients, lower-cased as WeCom returns them; the unlicensed are among them.

    `response_code` updates the card once, within 72 h; only cards that can call back have it. `msgid` recalls for 24 h.
    """

    msgid: str
    invalid: frozenset[str]
    unlicensed: frozenset[str] = NOBODY
    invalid_parties: frozenset[str] = NOBODY
    invalid_tags: frozenset[str] = NOBODY
    response_code: str | None = None

    def refused(self, userid: UserId) -> bool:
        """Userids are compared without case."""
        return userid.lower() in self.invalid


def listed(value: object) -> frozenset[str]:
    """Ids of a send's answer, lower-cased: joined by bars, or a list as card updates have it; absent is none."""
    items = value.split("|") if isinstance(value, str) else value if isinstance(value, list) else ()
    return frozenset(one for item in items if (one := (text(item) or "").strip().lower()))


def read_send_result(answer: Mapping[str, Any]) -> SendResult:
    unlicensed = listed(answer.get("unlicenseduser"))
    return SendResult(
        msgid=text(answer.get("msgid")) or "",
        invalid=listed(answer.get("invaliduser")) | unlicensed,
        unlicensed=unlicensed,
        invalid_parties=listed(answer.get("invalidparty")),
        invalid_tags=listed(answer.get("invalidtag")),
        response_code=text(answer.get("response_code")) or None,
    )


@dataclass(frozen=True)
class AppCount:
    """One app's person-times of a day."""

    agentid: int = field(metadata=IDENTITY)
    app_name: str | None
    count: int | None


@dataclass(frozen=True)
class AppChat:
    """A group that the app made."""

    chatid: str = field(metadata=IDENTITY)
    name: str | None
    owner: UserId | None
    userlist: tuple[UserId, ...] | None
