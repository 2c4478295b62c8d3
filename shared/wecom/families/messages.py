"""Application messages to members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.ids import UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import listed
from shared.wecom.families.cards import checked_card
from shared.wecom.families.contents import SEND, Content
from shared.wecom.payloads.messages import AppCount, SendResult, read_send_result
from shared.wecom.payloads.messages import listed as ids

RECALL = Api("message/recall", Repeat.SAME)
STATISTICS = Api("message/get_statistics")
# Each response code is good for one update.
UPDATE_CARD = Api("message/update_template_card", Repeat.ONCE)
TODAY, YESTERDAY = 0, 1
USERS, PARTIES, TAGS = 1000, 100, 100
LONGEST_CHECK_S = 14_400
EVERYONE = "@all"
SECRET_TYPES = frozenset({"text", "image", "video", "file", "mpnews"})


@dataclass(frozen=True)
class Recipients:
    """Whom a message is for: lists, or everyone in the app's sight, but not both."""

    users: tuple[UserId, ...] = ()
    parties: tuple[int, ...] = ()
    tags: tuple[int, ...] = ()
    everyone: bool = False


class Messages:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def send(self, body: bytes) -> SendResult:
        """Send one message to members; `body` goes out as it is, so that a repeat is recognised by its bytes.

        Raises:
            WeComError: WeCom refused it.
            UnreachableError: no answer; `maybe_accepted` when the request may have arrived.

        Source: WeCom server API, message/send.
        """
        return read_send_result(self._calls.post(SEND, body))

    def pause_s(self) -> float:
        """Seconds until sending makes sense, as far as is known: it is closed, or WeCom is down; 0 = now."""
        return self._calls.pause_s(SEND)

    def recall(self, msgid: str) -> None:
        """Take a message back within 24 h (42052 later).

        Source: WeCom server API, message/recall.
        """
        limits.each(RECALL, msgid=msgid)
        self._calls.post(RECALL, {"msgid": msgid})

    def statistics(self, *, day: int = TODAY) -> tuple[AppCount, ...]:
        """Person-times of each app, of today (0) or yesterday (1).

        Source: WeCom server API, message/get_statistics.
        """
        return listed(AppCount, self._calls.post(STATISTICS, {"time_type": day}), "statistics")

    def disable_card(self, response_code: str, replace_name: str, *, agentid: int, to: Recipients) -> frozenset[str]:
        """Make a card's buttons a caption; the users that were refused, lower-cased.

        The code is good for one update, within 72 h (60140 later).

        Source: WeCom server API, message/update_template_card.
        """
        return self._update(response_code, {"button": {"replace_name": replace_name}}, agentid=agentid, to=to)

    def replace_card(
        self,
        response_code: str,
        card: Mapping[str, Any],
        *,
        agentid: int,
        to: Recipients,
        enable_id_trans: bool | None = None,
    ) -> frozenset[str]:
        """As `disable_card`, with a new card in its place.

        Source: WeCom server API, message/update_template_card.
        """
        # `replace_text` is of updates only: what the submit button says afterwards.
        checked_card({key: value for key, value in card.items() if key != "replace_text"})
        trans = None if enable_id_trans is None else int(enable_id_trans)
        return self._update(response_code, {"enable_id_trans": trans, "template_card": card}, agentid=agentid, to=to)

    def _update(self, response_code: str, what: dict[str, Any], *, agentid: int, to: Recipients) -> frozenset[str]:
        limits.each(UPDATE_CARD, response_code=response_code)
        _check(UPDATE_CARD, to)
        body = {
            "userids": [*to.users] or None,
            "partyids": [*to.parties] or None,
            "tagids": [*to.tags] or None,
            "atall": 1 if to.everyone else None,
            "agentid": agentid,
            "response_code": response_code,
        }
        return ids(self._calls.post(UPDATE_CARD, {**body, **what}).get("invaliduser"))


def message_body(
    content: Content,
    *,
    to: Recipients,
    agentid: int,
    safe: int | None = None,
    enable_id_trans: bool | None = None,
    duplicate_check_s: int | None = None,
) -> bytes:
    """The body of a send: the same values always make the same bytes.

    `duplicate_check_s`: for so long (14,400 at most) the same bytes are not delivered again; they still answer 0.

    Raises:
        ValueError: no recipient, a list mixed with everyone or too long, or a secrecy that the kind does not have.
    """
    _check(SEND, to)
    if safe and (content.msgtype not in SECRET_TYPES or (safe > 1 and content.msgtype != "mpnews")):
        raise ValueError(f"{SEND.path}: {content.msgtype} has no safe {safe}")
    limits.between(SEND, 1, LONGEST_CHECK_S, duplicate_check_interval=duplicate_check_s)
    body = {
        "touser": EVERYONE if to.everyone else _joined(to.users),
        "toparty": _joined(to.parties),
        "totag": _joined(to.tags),
        "msgtype": content.msgtype,
        "agentid": agentid,
        content.msgtype: dict(content.payload),
        "safe": safe,
        "enable_id_trans": None if enable_id_trans is None else int(enable_id_trans),
        "enable_duplicate_check": None if duplicate_check_s is None else 1,
        "duplicate_check_interval": duplicate_check_s,
    }
    return orjson.dumps({key: value for key, value in body.items() if value is not None})


def _joined(some: Sequence[object]) -> str | None:
    return "|".join(map(str, some)) or None


def _check(api: Api, to: Recipients) -> None:
    named = (*to.users, *to.parties, *to.tags)
    if to.everyone and named:
        raise ValueError(f"{api.path}: with everyone, the lists would be ignored")
    if EVERYONE in to.users or any(not user or "|" in user for user in to.users):
        raise ValueError(f"{api.path}: a user is no userid")
    limits.some(api, recipients=to.everyone or named)
    limits.count(api, USERS, users=to.users)
    limits.count(api, PARTIES, parties=to.parties)
    limits.count(api, TAGS, tags=to.tags)
