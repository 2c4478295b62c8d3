"""How a page is shown: in the corp's language, with headers that keep it to itself."""

from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request

from console.views.words import WORDS

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def show(template: str, *, language: str, status: int = 200, **values: Any) -> Response:
    words = WORDS["zh" if language == "zh" else "en"]
    answer = make_response(render_template(template, language=language, w=words, **values), status)
    answer.headers.update(HEADERS)
    return answer


def origin_of(url: str) -> str:
    """As browsers name it: scheme and host in lower case, with the port where it is not the usual one."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    host = parts.hostname or ""
    return f"{parts.scheme}://[{host}]{port}" if ":" in host else f"{parts.scheme}://{host}{port}"


def sorry(why: str, status: int, *, again: str | None = None, language: str | None = None) -> Response:
    """A page that says why there is nothing to see, and what to do; `again`: where one can try once more."""
    language = language or request.accept_languages.best_match(["zh", "en"]) or "zh"
    return show("sorry.html", language=language, status=status, why=why, again=again)
