"""One signed POST to an endpoint: no redirects, limits on time and size, and an answer in every case.

An address may hold a token, and an answer anything: neither is ever logged or part of an error.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from standardwebhooks import Webhook
from urllib3.exceptions import HTTPError, NewConnectionError

from services.webhooks.model import Answer, Endpoint
from shared.clock import monotonic

LARGEST_ANSWER = 4096
"""So much is read, so that the connection can be used again; more is cut off."""
DRAIN_S = 1.0


class _Session(requests.Session):
    """requests reads the body of a redirect whole, even when it is not to follow it: here nothing is one."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the parent's signature
        return None


def make_http(*, connections: int) -> requests.Session:
    """A session for one endpoint, shared by threads; it keeps connections, no cookies, and sends no stored password."""
    http = _Session()
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    http.mount("http://", adapter)
    http.mount("https://", adapter)
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    http.auth = _no_password
    return http


def _no_password(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Instead of what a .netrc might hold for the host."""
    return request


def signed_headers(secrets: Sequence[str], *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """One signature for each secret. Source: Standard Webhooks, signature scheme v1."""
    text = body.decode()
    at = now.astimezone(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, text) for secret in secrets),
    }


def post(
    http: requests.Session,
    endpoint: Endpoint,
    *,
    message_id: str,
    body: bytes,
    timeout: tuple[float, float],
    now: datetime,
) -> Answer:
    """`timeout`: seconds until a connection, and of silence while waiting for the answer. Never raises for what the
    other side does.
    """
    headers = {
        "content-type": "application/json",
        "user-agent": "Guanxi-Webhooks",
        "accept-encoding": "identity",
        **signed_headers(endpoint.secrets, message_id=message_id, body=body, now=now),
    }
    try:
        with http.post(
            endpoint.url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            _drain(response)
            asked = response.headers.get("retry-after")
            problem = "a redirect, which is not followed" if response.is_redirect else None
            return Answer(response.status_code, after_s=retry_after_s(asked, now=now), problem=problem)
    except requests.ConnectTimeout:
        return Answer(None, problem="no connection in time")
    except requests.Timeout:
        return Answer(None, problem="no answer in time")
    except requests.exceptions.SSLError:
        return Answer(None, problem="no TLS connection: is its certificate trusted here?")
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        return Answer(None, problem="no connection" if _never_connected(error) else "the connection broke")


def _drain(response: requests.Response) -> None:
    """The status is the answer: whatever becomes of the body changes nothing."""
    read, until = 0, monotonic() + DRAIN_S
    with suppress(HTTPError, OSError, ValueError):
        while read <= LARGEST_ANSWER and monotonic() < until:
            piece = response.raw.read1(LARGEST_ANSWER, decode_content=False)
            if not piece:
                return
            read += len(piece)
    response.raw.close()  # the rest of it would be taken for the next answer


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Seconds, from either form of the header; None when there is none or it is neither."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return min(float(value), timedelta.max.total_seconds())
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def _never_connected(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)
