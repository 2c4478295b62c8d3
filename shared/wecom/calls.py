"""One call from start to end: token, exchange, error table, repeats."""

from collections.abc import Mapping
from typing import Any

import orjson
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from shared.wecom.apis import TOKEN_API, Api, Priority, Repeat
from shared.wecom.errors import TOKEN_CODES, UnreachableError, WeComRetryableError, error_for
from shared.wecom.token import TokenStore
from shared.wecom.transport import Transport, Upload

BUSY = -1
TRIES = 3

Answer = dict[str, Any]


class Calls:
    """Calls of one app of one tenant, at one priority."""

    def __init__(self, transport: Transport, tokens: TokenStore, *, priority: Priority = Priority.EVENTS) -> None:
        self._transport, self._tokens, self._priority = transport, tokens, priority

    def at(self, priority: Priority) -> "Calls":
        return Calls(self._transport, self._tokens, priority=priority)

    def get(self, api: Api, query: Mapping[str, str] | None = None) -> Answer:
        """The answer of a call with errcode 0.

        Raises:
            WeComRetryableError: the same call may succeed after `after_s`.
            WeComTerminalError: a wrong call, a missing permission or a bad id.
            UnreachableError: no answer; `maybe_accepted` when the request may have arrived.
            RetryableError: the budget is used up, the API is closed, or WeCom is down; nothing was sent.
        """
        return self._repeated(api, query or {}, None, None)

    def post(self, api: Api, body: Mapping[str, Any] | bytes, query: Mapping[str, str] | None = None) -> Answer:
        """As `get`. Bytes go out as they are, at every try; anything else as JSON, without the keys that are None."""
        raw = body if isinstance(body, bytes) else orjson.dumps({k: v for k, v in body.items() if v is not None})
        return self._repeated(api, query or {}, raw, None)

    def upload(self, api: Api, file: Upload, query: Mapping[str, str] | None = None) -> Answer:
        """As `get`, with one file in the field `media`."""
        return self._repeated(api, query or {}, None, file)

    def _repeated(self, api: Api, query: Mapping[str, str], raw: bytes | None, file: Upload | None) -> Answer:
        attempts = Retrying(
            stop=stop_after_attempt(1 if api.repeat is Repeat.ONCE else TRIES),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception(_worth_another_try),
            reraise=True,
        )
        return attempts(self._once, api, query, raw, file)

    def _once(self, api: Api, query: Mapping[str, str], raw: bytes | None, file: Upload | None) -> Answer:
        if api.keyed:
            return self._checked(api, self._transport.exchange(api.path, query, raw=raw, upload=file))
        token = self._tokens.current()
        answer = self._transport.exchange(api.path, {**query, "access_token": token}, raw=raw, upload=file)
        if answer.get("errcode") in TOKEN_CODES:
            token = self._tokens.renew(failed=token)
            answer = self._transport.exchange(api.path, {**query, "access_token": token}, raw=raw, upload=file)
        return self._checked(api, answer)

    @staticmethod
    def _checked(api: Api, answer: Answer) -> Answer:
        code = int(answer.get("errcode") or 0)
        if code:
            raise error_for(api.path, code, str(answer.get("errmsg", "")))
        return answer


def fetch_token(transport: Transport, corp_id: str, secret: str) -> tuple[str, int]:
    """Source: WeCom server API, gettoken."""
    try:
        answer = transport.exchange(TOKEN_API, {"corpid": corp_id, "corpsecret": secret})
    except UnreachableError as error:
        # Without a token, the call that it was for was never made.
        raise UnreachableError(TOKEN_API, str(error), maybe_accepted=False) from None
    code = int(answer.get("errcode") or 0)
    if code:
        raise error_for(TOKEN_API, code, str(answer.get("errmsg", "")))
    return str(answer["access_token"]), int(answer["expires_in"])


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, UnreachableError) or (isinstance(error, WeComRetryableError) and error.code == BUSY)
