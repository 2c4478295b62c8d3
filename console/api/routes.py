"""The blueprint, and how an operation is put on it: scope, document and refusals in one line."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from console.api.gate import let_in, needs, takes_bytes
from console.api.problems import MIME, ProblemBody
from shared.api_keys import Scope

PREFIX = "/api/v1"
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 200 characters; a repeat of the same request gets the first answer and does nothing",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
REFUSALS = {
    "400": "no JSON, or a bad cursor",
    "401": "no key, or none that is valid",
    "403": "the key lacks the scope",
    "413": "the body is too large",
    "415": "the body is no JSON",
    "422": "fields that are not as they must be, each named",
    "503": "the database does not answer; ask again",
}
FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
MAY_REFUSE = {"404": "there is no such thing", "409": "it contradicts what is recorded, or what WeCom allows"}

Handler = TypeVar("Handler", bound=Callable[..., Any])

api = APIBlueprint("api", __name__, url_prefix=PREFIX)
api.before_request(let_in)


def operation(
    method: str,
    rule: str,
    scope: Scope,
    answer: type[BaseModel] | None,
    *,
    status: int = 200,
    also: int | None = None,
    group: str,
    once: bool = False,
    limited: bool = False,
    file: bool = False,
    raw: str | None = None,
    bare: bool = False,
    answers_bytes: bool = False,
) -> Callable[[Handler], Handler]:
    """`also`: a second status with the same body. `once`: it honours an Idempotency-Key. `file`: it answers CSV.

    `raw`: the body is a file, and this is an example. `bare`: there is no body. `answers_bytes`: the answer is a file.
    `limited`: for keys that see only a part of the customers, too. What goes through `read` then shows that part by
    itself; a `write` must be about one customer, `<id>` of its path, who is looked for in that part first, or be
    `of_nobody`.
    """

    def put(handler: Handler) -> Handler:
        responses: dict[Any, Any] = {status: answer} | ({also: answer} if also else {})
        if file:
            responses[status] = {"description": "a file", "content": {"text/csv": {"schema": {"type": "string"}}}}
        if answers_bytes:
            responses[status] = {"description": "the file", "content": FILE}
        for code, why in (REFUSALS | MAY_REFUSE).items():
            responses[code] = {"description": why, "content": {MIME: {"schema": {"$ref": _problem()}}}}
        getattr(api, method)(
            rule,
            responses=responses,
            security=[{"key": [scope.value]}],
            tags=[Tag(name=group)],
            operation_id=handler.__name__,
            openapi_extensions={"x-idempotent": once, "x-scope": scope.value, "x-limited": limited}
            | ({"x-raw": raw} if raw else {}),
        )(needs(scope, limited=limited)(takes_bytes(handler) if raw or bare else handler))
        return handler

    return put


def _problem() -> str:
    return f"#/components/schemas/{ProblemBody.__name__}"
