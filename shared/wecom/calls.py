"""One call from start to end: token, turn, exchange, error table, repeats."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from shared.db.engine import describe, is_passing
from shared.errors import RetryableError, TerminalError
from shared.wecom.apis import TOKEN_API, Api, Priority, Repeat
from shared.wecom.credentials import Credential
from shared.wecom.errors import TOKEN_CODES, PostponedError, UnreachableError, WeComRetryableError, error_for
from shared.wecom.errors.table import CONFIGURATION_WAIT_S
from shared.wecom.transport import Answer, Request, Upload
from shared.wecom.wire import Wire

BUSY = -1
TRIES = 3
SOON_S = 2.0
DATABASE_WAIT_S = 1.0

log = structlog.get_logger()


class Calls:
    """Calls of one app of one tenant, at one priority."""

    def __init__(self, wire: Wire, token: Credential, *, corp_id: str, priority: Priority = Priority.EVENTS) -> None:
        self._wire, self._token, self._corp_id, self._priority = wire, token, corp_id, priority

    def at(self, priority: Priority) -> "Calls":
        return Calls(self._wire, self._token, corp_id=self._corp_id, priority=priority)

    def pause_s(self, api: Api) -> float:
        """Seconds until a call makes sense: the API is closed, WeCom is down, or gives no token; 0 = at once.

        Afterwards a call does not wait for a token any more.
        """
        pause_s = self._wire.pause_s(api, scope=f"corp:{self._corp_id}")
        if pause_s > 0:
            return pause_s
        try:
            self._token.current()
        except RetryableError as error:
            return error.after_s or SOON_S
        except TerminalError:
            return CONFIGURATION_WAIT_S
        return 0.0

    def try_secret(self) -> None:
        """As `Credential.try_secret`."""
        self._token.try_secret()

    def get(self, api: Api, query: Mapping[str, str] | None = None) -> Answer:
        """The answer of a call with errcode 0.

        Raises:
            WeComRetryableError: the same call may succeed after `after_s`.
            WeComTerminalError: a wrong call, a missing permission or a bad id.
            UnreachableError: no answer; `maybe_accepted` when the request may have arrived.
            PostponedError: the budget is used up, the API is closed, WeCom is down, or our database failed; nothing
                was sent.
        """
        return self._repeated(api, Request(query or {}))

    def post(self, api: Api, body: Mapping[str, Any] | bytes, query: Mapping[str, str] | None = None) -> Answer:
        """As `get`. Bytes go out as they are, at every try; anything else as JSON, without the keys that are None."""
        raw = body if isinstance(body, bytes) else orjson.dumps({k: v for k, v in body.items() if v is not None})
        return self._repeated(api, Request(query or {}, raw))

    def upload(self, api: Api, file: Upload, query: Mapping[str, str] | None = None) -> Answer:
        """As `get`, with one file in the field `media`."""
        return self._repeated(api, Request(query or {}, upload=file))

    def _repeated(self, api: Api, request: Request) -> Answer:
        attempts = Retrying(
            stop=stop_after_attempt(1 if api.repeat is Repeat.ONCE else TRIES),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception(_worth_another_try),
            reraise=True,
        )
        return attempts(self._once, api, request)

    def _once(self, api: Api, request: Request) -> Answer:
        """Our database's errors come from before the request, or from fetching another token for one that was refused:
        once there is an answer, what cannot be noted of it is only logged (`Wire`)."""
        try:
            return self._asked(api, request)
        except SQLAlchemyError as error:
            log.warning("wecom.not_asked", api=api.path, reason=describe(error),
                        exc_info=None if is_passing(error) else error)  # fmt: skip
            reason = f"our database failed before the call ({describe(error)})"
            raise PostponedError(api.path, reason, after_s=DATABASE_WAIT_S) from error

    def _asked(self, api: Api, request: Request) -> Answer:
        if api.keyed:
            digest = hashlib.blake2b(request.query["key"].encode(), digest_size=8).hexdigest()
            return self._checked(api, self._call(api, request, scope=f"robot:{digest}"))
        scope, token = f"corp:{self._corp_id}", self._token.current()
        answer = self._call(api, _signed(request, token), scope=scope)
        if answer.get("errcode") in TOKEN_CODES:
            token = self._token.renew(failed=token)
            answer = self._call(api, _signed(request, token), scope=scope)
        return self._checked(api, answer)

    def _call(self, api: Api, request: Request, *, scope: str) -> Answer:
        return self._wire.call(api, request, scope=scope, priority=self._priority)

    @staticmethod
    def _checked(api: Api, answer: Answer) -> Answer:
        code = int(answer.get("errcode") or 0)
        if code:
            raise error_for(api.path, code, str(answer.get("errmsg", "")))
        return answer


def fetch_token(wire: Wire, corp_id: str, secret: str) -> tuple[str, int]:
    """Source: WeCom server API, gettoken."""
    try:
        answer = wire.fetch(TOKEN_API, Request({"corpid": corp_id, "corpsecret": secret}))
    except UnreachableError as error:
        # Without a token, the call that it was for was never made.
        raise UnreachableError(TOKEN_API, error.reason, maybe_accepted=False) from None
    code = int(answer.get("errcode") or 0)
    if code:
        raise error_for(TOKEN_API, code, str(answer.get("errmsg", "")))
    return str(answer["access_token"]), int(answer["expires_in"])


def _signed(request: Request, token: str) -> Request:
    return replace(request, query={**request.query, "access_token": token})


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, UnreachableError) or (isinstance(error, WeComRetryableError) and error.code == BUSY)
