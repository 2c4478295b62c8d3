"""What every request passes before its handler: the key and its scope, then the shape of the body."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from flask import current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from console.api.problems import ProblemError
from console.desk import desk
from shared.api_keys import Caller, Scope, load_caller

SCOPE, LIMITED, RAW = "guanxi_scope", "guanxi_limited", "guanxi_raw"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="guanxi"'}

Handler = TypeVar("Handler", bound=Callable[..., Any])


def needs(scope: Scope, *, limited: bool) -> Callable[[Handler], Handler]:
    """The scope that a key must have for this handler. One without it is never reached.

    `limited`: also for keys that see only a part of the customers.
    """

    def mark(handler: Handler) -> Handler:
        setattr(handler, SCOPE, scope)
        setattr(handler, LIMITED, limited)
        return handler

    return mark


def takes_bytes(handler: Handler) -> Handler:
    """There is no JSON in the body: it is a file, which the handler reads as it comes and bounds, or is left alone."""
    setattr(handler, RAW, True)
    return handler


def caller() -> Caller:
    found: Caller = g.caller
    return found


def let_in() -> None:
    """
    Raises:
        ProblemError: 401 without a valid key, 403 without the scope, 4xx for a body that is no JSON object.
    """
    if request.endpoint is None:
        return  # no such address, or no such method: said by the router
    g.caller = _who()
    view = current_app.view_functions[request.endpoint]
    scope = getattr(view, SCOPE, None)
    if scope is None or scope.value not in g.caller.scopes:
        raise ProblemError(403, "forbidden", f"this key lacks the scope {scope.value if scope else ''}".strip())
    if not g.caller.sight.is_everything and not getattr(view, LIMITED, False):
        why = "this key sees only some associates' customers, and this needs one that sees all"
        raise ProblemError(403, "out-of-sight", why)
    _refuse_nul([("path", request.path), *((f"query/{name}", one) for name, one in request.args.items(multi=True))])
    if request.method in {"POST", "PUT", "PATCH"} and not getattr(view, RAW, False):
        _check_body()


def _who() -> Caller:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise ProblemError(401, "unauthorised", "send a key: Authorization: Bearer gxk_…", headers=CHALLENGE)
    runtime = desk().runtime
    with runtime.engine.begin() as connection:
        found = load_caller(connection, runtime.vault, key.strip(), now=runtime.clock.now())
    if found is None:
        raise ProblemError(401, "unauthorised", "this key is not valid (any more)", headers=CHALLENGE)
    return found


def _check_body() -> None:
    body = request.get_data()  # a body that says that it is too large ends here
    if request.max_content_length is not None and len(body) >= request.max_content_length:
        raise RequestEntityTooLarge  # one that comes in chunks was cut off there
    if not request.is_json:
        raise ProblemError(415, "media-type", "the body must be JSON: Content-Type: application/json")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "no-json", f"the body is no JSON: {error.msg}") from None
    if not isinstance(parsed, dict):
        raise ProblemError(422, "invalid", "the body must be a JSON object", errors=[("/", "must be an object")])
    _refuse_nul([("", parsed)])


def _refuse_nul(values: list[tuple[str, object]]) -> None:
    """PostgreSQL keeps no NUL in a text, and nobody means one. Not recursive: the body may be as deep as it likes."""
    left = list(values)
    while left:
        name, value = left.pop()
        if isinstance(value, str) and "\0" in value:
            raise ProblemError(422, "invalid", "a text holds a NUL", errors=[(_shown(name), "holds a NUL character")])
        if isinstance(value, dict):
            left += [(name, key) for key in value]
            left += [(f"{name}/{key}", one) for key, one in value.items()]
        elif isinstance(value, list):
            left += [(f"{name}/{n}", one) for n, one in enumerate(value)]


def _shown(name: str) -> str:
    return name.replace("\0", "")[:200] or "/"
