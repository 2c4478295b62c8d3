"""Application messages to members."""

from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.payloads import SendResult

SEND = Api("message/send", Repeat.ONCE, counted=False)


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
        answer = self._calls.post(SEND, body)
        refused = (str(answer.get(field) or "").lower().split("|") for field in ("invaliduser", "unlicenseduser"))
        invalid = frozenset(userid for userids in refused for userid in userids if userid)
        return SendResult(msgid=str(answer.get("msgid") or ""), invalid=invalid)
