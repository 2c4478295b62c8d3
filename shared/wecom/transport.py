"""One HTTP exchange with WeCom: kept connections, three time limits, and an answer or UnreachableError.

The token travels in the query, so addresses are never logged and never part of an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests
from prometheus_client import Counter, Histogram
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from shared.clock import monotonic
from shared.settings import Settings
from shared.wecom.errors import UnreachableError
from shared.wecom.payloads import decoded

CHUNK = 65_536
LARGEST_ANSWER = 64 * 1024 * 1024
"""No answer of WeCom comes near: 10,000 tags are about 2 MB."""

calls = Counter("guanxi_wecom_calls", "WeCom calls by API and error code", ["api", "code"])
seconds = Histogram("guanxi_wecom_seconds", "Time to WeCom's answer", ["api"])


@dataclass(frozen=True)
class Upload:
    """A file for a multipart request; `media_type` is its MIME type."""

    filename: str
    content: bytes
    media_type: str


Answer = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """GET without a body, else POST; `raw` goes out byte by byte."""

    query: Mapping[str, str] = field(repr=False)
    raw: bytes | None = field(default=None, repr=False)
    upload: Upload | None = None


def make_http(*, connections: int) -> requests.Session:
    """A session that keeps its connections; one per process, shared by threads."""
    http = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections, max_retries=0)
    http.mount("http://", adapter)
    http.mount("https://", adapter)
    return http


class Transport:
    def __init__(self, settings: Settings, http: requests.Session) -> None:
        self._http = http
        self._base = settings.wecom_base_url
        self._timeout = (settings.wecom_connect_timeout_s, settings.wecom_read_timeout_s)
        self._whole_s = settings.wecom_total_timeout_s

    def exchange(self, api: str, request: Request) -> Answer:
        """Ask once; the decoded answer, whatever its errcode.

        Raises:
            UnreachableError: no answer of WeCom came; `maybe_accepted` when the request may have arrived.
        """
        started, status = monotonic(), 0
        try:
            content, status = self._ask(api, request, until=started + self._whole_s)
            answer = decoded(content)
            # WeCom's errors come as HTTP 200 too: JSON with another status is a proxy's, and no success.
            if status != HTTPStatus.OK or not isinstance(answer, dict):
                raise _unreachable(api, f"HTTP {status} without an answer", maybe_accepted=True)
        except ValueError:
            raise _unreachable(api, f"HTTP {status} without an answer", maybe_accepted=True) from None
        except requests.ConnectTimeout:
            raise _unreachable(api, "no connection in time", maybe_accepted=False) from None
        except (requests.Timeout, ReadTimeoutError):
            raise _unreachable(api, "no answer in time", maybe_accepted=True) from None
        except (requests.RequestException, HTTPError) as error:
            # `from None`: the original's text holds the address, and with it the token.
            raise _unreachable(api, type(error).__name__, maybe_accepted=not _never_connected(error)) from None
        seconds.labels(api).observe(monotonic() - started)
        calls.labels(api, str(answer.get("errcode") or 0)).inc()
        return answer

    def _ask(self, api: str, request: Request, *, until: float) -> tuple[bytes, int]:
        """The body and the HTTP status. The read limit is for each piece of the answer, `until` for all of it."""
        raw, upload = request.raw, request.upload
        files = {"media": (upload.filename, upload.content, upload.media_type)} if upload else None
        with self._http.request(
            "GET" if raw is None and upload is None else "POST",
            f"{self._base}/cgi-bin/{api}",
            params=request.query,
            data=raw,
            files=files,
            headers={"Content-Type": "application/json; charset=utf-8"} if raw is not None else None,
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            content = bytearray()
            # read1: what has come. Anything else waits for a full chunk, however slowly its bytes trickle in.
            while chunk := response.raw.read1(CHUNK, decode_content=True):
                content += chunk
                if monotonic() > until:
                    raise requests.Timeout
                if len(content) > LARGEST_ANSWER:
                    raise requests.RequestException
            return bytes(content), response.status_code


def _unreachable(api: str, reason: str, *, maybe_accepted: bool) -> UnreachableError:
    calls.labels(api, "unreachable").inc()
    return UnreachableError(api, reason, maybe_accepted=maybe_accepted)


def _never_connected(error: Exception) -> bool:
    """Refused, or the name is unknown: nothing was sent."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)
