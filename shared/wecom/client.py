"""The WeCom client: one call, its token, its errors, its metrics.

Reads are tried up to three times when WeCom says it is busy or no answer comes; writes are never repeated here,
because only their caller knows whether a repeat is safe. The token travels in the query: addresses are never logged.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import requests
import structlog
from prometheus_client import Counter, Histogram
from requests.adapters import HTTPAdapter
from sqlalchemy import Engine
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import NewConnectionError

from shared.clock import Clock, monotonic
from shared.errors import RetryableError
from shared.ids import ExternalUserId, UserId
from shared.settings import Settings
from shared.tenants import Tenant
from shared.wecom.errors import (
    NO_RELATION,
    NOT_VISIBLE,
    TOKEN_CODES,
    UnreachableError,
    WeComError,
    WeComRetryableError,
    error_for,
)
from shared.wecom.payloads import (
    BatchPage,
    ContactRead,
    Department,
    Member,
    SendResult,
    decoded,
    read_department,
    read_member,
    read_profile,
    read_relation,
)
from shared.wecom.token import TokenStore

BUSY = -1
PAGE_LIMIT = 100
TOKEN_API = "gettoken"  # noqa: S105 - the name of an API

log = structlog.get_logger()
calls = Counter("guanxi_wecom_calls", "WeCom calls by API and error code", ["api", "code"])
seconds = Histogram("guanxi_wecom_seconds", "Time to WeCom's answer", ["api"])


def make_http(*, connections: int) -> requests.Session:
    """A session that keeps its connections; one per process, shared by threads."""
    http = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections, max_retries=0)
    http.mount("http://", adapter)
    http.mount("https://", adapter)
    return http


class WeComClient:
    """WeCom as one app of one tenant sees it."""

    def __init__(
        self, settings: Settings, *, http: requests.Session, engine: Engine, clock: Clock, tenant: Tenant, app: str
    ) -> None:
        self._http = http
        self._base = settings.wecom_base_url
        self._timeout = (settings.wecom_connect_timeout_s, settings.wecom_read_timeout_s)
        self._tokens = TokenStore(engine, clock, tenant, app, self._fetch_token)

    # customer contact

    def list_follow_users(self) -> tuple[UserId, ...]:
        """Members that have the customer-contact function and are in the app's sight.

        Source: WeCom server API, externalcontact/get_follow_user_list.
        """
        answer = self._read("externalcontact/get_follow_user_list")
        return tuple(UserId(str(userid)) for userid in answer.get("follow_user") or ())

    def get_contact(self, external_userid: ExternalUserId) -> ContactRead:
        """One contact with every follower in sight (all pages); no relation in sight is an empty read, not an error.

        Source: WeCom server API, externalcontact/get.
        """
        relations, cursor, profile = [], "", None
        while True:
            query = {"external_userid": external_userid} | ({"cursor": cursor} if cursor else {})
            try:
                answer = self._read("externalcontact/get", query=query)
            except WeComError as error:
                if error.code not in NO_RELATION | NOT_VISIBLE:
                    raise
                if cursor:
                    raise RetryableError("the contact changed while its pages were read") from None
                return ContactRead(None, ())
            profile = profile or read_profile(answer["external_contact"])
            relations += [read_relation(one) for one in _usable(answer.get("follow_user"), "userid")]
            cursor = answer.get("next_cursor") or ""
            if not cursor:
                return ContactRead(profile, tuple(relations))

    def list_contacts(self, userid: UserId) -> tuple[ExternalUserId, ...]:
        """All contacts that a member follows; 84061 means that there are none.

        Source: WeCom server API, externalcontact/list.
        """
        try:
            answer = self._read("externalcontact/list", query={"userid": userid})
        except WeComError as error:
            if error.code in NO_RELATION:
                return ()
            raise
        return tuple(ExternalUserId(str(one)) for one in answer.get("external_userid") or ())

    def batch_contacts(self, userids: tuple[UserId, ...], *, cursor: str = "") -> BatchPage:
        """One page of the relations of up to 100 members. `cursor` is opaque; "" starts over.

        A page may be short or even empty and not be the last. Personal tags are left out: absence says nothing.

        Source: WeCom server API, externalcontact/batch/get_by_user.
        """
        body = {"userid_list": list(userids), "cursor": cursor, "limit": PAGE_LIMIT}
        answer = self._read("externalcontact/batch/get_by_user", body=body)
        rows = [
            row
            for row in answer.get("external_contact_list") or ()
            if _usable([row.get("external_contact") or {}], "external_userid")
            and _usable([row.get("follow_info") or {}], "userid")
        ]
        return BatchPage(
            rows=tuple((read_profile(r["external_contact"]), read_relation(r["follow_info"])) for r in rows),
            next_cursor=answer.get("next_cursor") or "",
        )

    # directory

    def get_member(self, userid: UserId) -> Member:
        """Source: WeCom server API, user/get."""
        return read_member({"userid": userid, **self._read("user/get", query={"userid": userid})})

    def get_department(self, department_id: int) -> Department:
        """Source: WeCom server API, department/get."""
        return read_department(self._read("department/get", query={"id": str(department_id)})["department"])

    # messages

    def send_message(self, body: bytes) -> SendResult:
        """Send one message to members; `body` goes out as it is, so that a repeat is recognised by its bytes.

        Raises:
            WeComError: WeCom refused it.
            UnreachableError: no answer; `maybe_accepted` when the request may have arrived.

        Source: WeCom server API, message/send.
        """
        answer = self._call("message/send", raw=body)
        refused = (str(answer.get(field) or "").lower().split("|") for field in ("invaliduser", "unlicenseduser"))
        invalid = frozenset(userid for userids in refused for userid in userids if userid)
        return SendResult(msgid=str(answer.get("msgid") or ""), invalid=invalid)

    # how a call is made

    def _read(self, api: str, *, query: Mapping[str, str] | None = None, body: object = None) -> dict[str, Any]:
        attempts = Retrying(
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception(_worth_another_try),
            reraise=True,
        )
        raw = None if body is None else orjson.dumps(body)
        return attempts(self._call, api, query=query, raw=raw)

    def _call(self, api: str, *, query: Mapping[str, str] | None = None, raw: bytes | None = None) -> dict[str, Any]:
        token = self._tokens.current()
        answer = self._exchange(api, {**(query or {}), "access_token": token}, raw)
        if answer.get("errcode") in TOKEN_CODES:
            token = self._tokens.renew(failed=token)
            answer = self._exchange(api, {**(query or {}), "access_token": token}, raw)
        code = int(answer.get("errcode") or 0)
        if code:
            raise error_for(api, code, str(answer.get("errmsg", "")))
        return answer

    def _exchange(self, api: str, query: Mapping[str, str], raw: bytes | None) -> dict[str, Any]:
        """One HTTP exchange; the decoded answer, whatever its errcode."""
        started = monotonic()
        try:
            response = self._http.request(
                "GET" if raw is None else "POST",
                f"{self._base}/cgi-bin/{api}",
                params=query,
                data=raw,
                headers={"Content-Type": "application/json; charset=utf-8"} if raw is not None else None,
                timeout=self._timeout,
                allow_redirects=False,
            )
            answer = decoded(response.content)
            # WeCom's errors come as HTTP 200 too: JSON with another status is a proxy's, and no success.
            if response.status_code != HTTPStatus.OK or not isinstance(answer, dict):
                raise ValueError("not an answer of WeCom")
        except requests.ConnectTimeout:
            raise self._unreachable(api, "no connection in time", maybe_accepted=False) from None
        except requests.Timeout:
            raise self._unreachable(api, "no answer in time", maybe_accepted=True) from None
        except requests.RequestException as error:
            # `from None`: the original's text holds the address, and with it the token.
            raise self._unreachable(api, type(error).__name__, maybe_accepted=not _never_connected(error)) from None
        except ValueError:
            raise self._unreachable(
                api, f"HTTP {response.status_code} without an answer", maybe_accepted=True
            ) from None
        seconds.labels(api).observe(monotonic() - started)
        calls.labels(api, str(answer.get("errcode") or 0)).inc()
        return answer

    def _unreachable(self, api: str, reason: str, *, maybe_accepted: bool) -> UnreachableError:
        calls.labels(api, "unreachable").inc()
        # Without a token, the call that it was for was never made.
        return UnreachableError(api, reason, maybe_accepted=maybe_accepted and api != TOKEN_API)

    def _fetch_token(self, corp_id: str, secret: str) -> tuple[str, int]:
        answer = self._exchange(TOKEN_API, {"corpid": corp_id, "corpsecret": secret}, None)
        code = int(answer.get("errcode") or 0)
        if code:
            raise error_for(TOKEN_API, code, str(answer.get("errmsg", "")))
        return str(answer["access_token"]), int(answer["expires_in"])


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, UnreachableError) or (isinstance(error, WeComRetryableError) and error.code == BUSY)


def _never_connected(error: requests.RequestException) -> bool:
    """Refused, or the name is unknown: nothing was sent."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _usable(rows: Sequence[Mapping[str, Any]] | None, key: str) -> list[Mapping[str, Any]]:
    """Rows that name what they are about; some corps have been given rows that do not."""
    named = [row for row in rows or () if row.get(key)]
    if len(named) < len(rows or ()):
        log.warning("wecom.nameless_rows", key=key, rows=len(rows or ()) - len(named))
    return named
