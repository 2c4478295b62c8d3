"""Errors as problem+json (RFC 9457). A problem names the field and what is wrong with it, never what was sent."""

from collections.abc import Iterable, Mapping, Sequence

import orjson
import structlog
from flask import Flask, Response, request
from prometheus_client import Counter
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from services.assignment.model import ReassignmentRefusedError
from services.bulk.model import JobRefusedError
from services.bulk_changes.model import BulkRefusedError, ConfirmationError, NoChangeError
from services.chats.model import (
    ChatRefusedError,
    NameTakenError,
    NoSuchChatError,
    NoSuchChatEventError,
    NoSuchChatTagError,
    NoSuchFolderError,
    OrderStaleError,
)
from services.companies.model import CompanyRefusedError, NoCompanyError
from services.fields.model import FieldRefusedError, NoFieldError, ValuesRefusedError
from services.files.model import FileRefusedError, NoFileError
from services.finding.model import FilterError
from services.intents.model import WishRefusedError
from services.joining.join import NoCustomerError, UnknownContactError
from services.local_tags.model import NoTagError, TagRefusedError
from services.merging.model import MergeRefusedError, NoMergeError, UndoRefusedError
from services.message_templates.model import NoTextError, TextRefusedError
from services.notes.model import HandEventRefusedError, NoNoteError, TemplateNameTakenError
from services.notices.log import NoNotificationError, RetryRefusedError
from services.persons.model import NotYoursError
from services.persons.plan import ContradictionError
from services.pool.model import NoSuchError, NotInPoolError, PoolRefusedError
from services.robots.model import NoRobotError, RobotRefusedError
from services.rules.model import NoRuleError, RuleRefusedError
from services.saved_filters.model import NoSavedFilterError, SavedFilterRefusedError
from services.scores.model import NoScoreRuleError, ScoreRefusedError
from services.segments.model import NoSegmentError, SegmentRefusedError
from services.sops.model import NoSopError, SopInvalidError, SopRefusedError
from services.stages.model import NoStageError, StageRefusedError
from services.tasks.model import NoTaskError, TaskRefusedError
from services.welcomes.model import NoWelcomeFileError, NoWelcomeRuleError, WelcomeRefusedError
from shared.answers import OtherRequestError, UnderWayError
from shared.db.engine import CONFLICTS, describe, is_away

MIME = "application/problem+json"
TYPE = "urn:guanxi:problem:"
MOST_ERRORS = 20

log = structlog.get_logger()
refusals = Counter("guanxi_api_problems", "Requests that were refused, by problem", ["problem"])


class FieldProblem(BaseModel):
    field: str
    """A JSON pointer into the body, or query/NAME, path/NAME, header/NAME."""
    problem: str


class ProblemBody(BaseModel):
    """What every answer with a status of 400 or more holds."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    customer_ids: list[int] = []


class ProblemError(Exception):
    """An answer that is a problem. `kind` is one of the words in docs/api.md."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        customer_ids: Iterable[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.customer_ids, self.headers = errors, tuple(customer_ids), dict(headers or {})


def render(problem: ProblemError) -> Response:
    refusals.labels(problem.kind).inc()
    body: dict[str, object] = {
        "type": f"{TYPE}{problem.kind}",
        "title": problem.kind.replace("-", " "),
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [{"field": name, "problem": why} for name, why in problem.errors]
    if problem.customer_ids:
        body["customer_ids"] = list(problem.customer_ids)
    return Response(orjson.dumps(body), problem.status, headers=problem.headers, mimetype=MIME)


def of_validation(error: ValidationError) -> ProblemError:
    """What does not fit the model; `input` is left out, it may be personal."""
    where = {"Path": "path/", "Query": "query/", "Header": "header/"}
    prefix = next((shown for part, shown in where.items() if error.title.endswith(part)), "/")
    found = error.errors(include_url=False, include_input=False, include_context=False)
    errors = [(prefix + _place(one), _words(one)) for one in found[:MOST_ERRORS]]
    return ProblemError(422, "invalid", "some fields are not as they must be", errors=errors)


def _place(error: ErrorDetails) -> str:
    return "/".join(str(part) for part in error["loc"])


def _words(error: ErrorDetails) -> str:
    return "unknown field" if error["type"] == "extra_forbidden" else error["msg"]


REFUSED: dict[type[Exception], tuple[int, str]] = {
    NoCustomerError: (404, "no-customer"),
    UnknownContactError: (422, "unknown-contact"),
    NotYoursError: (409, "not-yours"),
    WishRefusedError: (409, "wish-refused"),
    ReassignmentRefusedError: (409, "assignment-refused"),
    NoChangeError: (404, "no-bulk-change"),
    BulkRefusedError: (409, "bulk-refused"),
    ConfirmationError: (409, "confirmation"),
    NoNotificationError: (404, "no-notification"),
    RetryRefusedError: (409, "retry-refused"),
    NoRuleError: (404, "no-rule"),
    RuleRefusedError: (409, "rule-refused"),
    NoStageError: (404, "no-stage"),
    StageRefusedError: (409, "stage-refused"),
    NoScoreRuleError: (404, "no-rule"),
    ScoreRefusedError: (409, "score-refused"),
    NoSegmentError: (404, "no-segment"),
    SegmentRefusedError: (409, "segment-refused"),
    NoSopError: (404, "no-sop"),
    SopRefusedError: (409, "sop-refused"),
    NoSavedFilterError: (404, "no-filter"),
    SavedFilterRefusedError: (409, "filter-refused"),
    NoFieldError: (404, "no-field"),
    FieldRefusedError: (409, "field-refused"),
    NoCompanyError: (404, "no-company"),
    CompanyRefusedError: (409, "company-refused"),
    NoTagError: (404, "no-tag"),
    TagRefusedError: (409, "tag-refused"),
    JobRefusedError: (409, "job-refused"),
    NoSuchChatError: (404, "no-chat"),
    NoSuchFolderError: (404, "no-folder"),
    NoSuchChatTagError: (404, "no-chat-tag"),
    NoSuchChatEventError: (404, "no-chat-event"),
    NameTakenError: (409, "name-taken"),
    OrderStaleError: (409, "order-stale"),
    ChatRefusedError: (409, "chat-refused"),
    NotInPoolError: (404, "not-in-pool"),
    NoSuchError: (404, "no-pool-thing"),
    PoolRefusedError: (409, "pool-refused"),
    MergeRefusedError: (409, "merge-refused"),
    UndoRefusedError: (409, "undo-refused"),
    NoMergeError: (404, "no-merge"),
    NoNoteError: (404, "no-note"),
    TemplateNameTakenError: (409, "name-taken"),
    HandEventRefusedError: (422, "template"),
    NoTextError: (404, "no-message"),
    NoRobotError: (404, "no-robot"),
    RobotRefusedError: (409, "robot-refused"),
    NoTaskError: (404, "no-task"),
    TaskRefusedError: (409, "task-refused"),
    NoFileError: (404, "no-file"),
    FileRefusedError: (409, "file-refused"),
    NoWelcomeRuleError: (404, "no-rule"),
    NoWelcomeFileError: (404, "no-file"),
    WelcomeRefusedError: (409, "welcome-refused"),
}
"""Refusals of the services whose text says it all -> status and kind."""


def of_service(error: Exception) -> ProblemError | None:
    """How a refusal of the services is told; None for what is no refusal."""
    match error:
        case ContradictionError():
            return ProblemError(409, "contradiction", str(error), customer_ids=error.customer_ids)
        case OtherRequestError():
            why = "this Idempotency-Key was used for another request"
            return ProblemError(422, "key-reused", why, errors=[("header/Idempotency-Key", why)])
        case UnderWayError():
            why = "the same request is being worked on just now; ask again"
            return ProblemError(409, "under-way", why, headers={"Retry-After": "1"})
        case FilterError() | ValuesRefusedError() | TextRefusedError() | SopInvalidError():
            return _of_many(error)
        case _ if type(error) in REFUSED:
            return ProblemError(*REFUSED[type(error)], str(error))
        case _:
            return None


def _of_many(error: FilterError | ValuesRefusedError | TextRefusedError | SopInvalidError) -> ProblemError:
    """What names each place that is wrong."""
    if isinstance(error, FilterError):
        kind, why, errors = (
            "filter",
            "the filter cannot be read",
            [(f"{error.at}{one}", why) for one, why in error.problems],
        )
    elif isinstance(error, TextRefusedError):
        kind, why = "invalid", "the text cannot be used"
        errors = [(f"/{name}", problem) for name, problem in error.problems]
    elif isinstance(error, SopInvalidError):
        kind, why, errors = "invalid", "some fields of the rule are not as they must be", error.problems
    else:
        kind, why = "invalid", "some custom fields are not as they must be"
        errors = [(f"/fields/fields/{key}", why) for key, why in error.problems]
    return ProblemError(422, kind, why, errors=errors[:MOST_ERRORS])


def show_problems(app: Flask) -> None:
    """Whatever goes wrong in this application becomes a problem."""

    @app.errorhandler(Exception)
    def show(error: Exception) -> Response:
        if isinstance(error, ProblemError):
            return render(error)
        if (told := of_service(error)) is not None:
            return render(told)
        if isinstance(error, HTTPException):
            return _of_http(error)
        return _of_trouble(error)


def _of_http(error: HTTPException) -> Response:
    if error.response is not None and error.response.mimetype == MIME:
        assert isinstance(error.response, Response)
        return error.response
    status = error.code or 500
    details = {
        404: "there is nothing at this address",
        405: "this address does not know this method",
        413: f"the body is larger than {request.max_content_length} bytes",
    }
    kinds = {404: "not-found", 405: "method", 413: "too-large", 415: "media-type"}
    return render(ProblemError(status, kinds.get(status, "request"), details.get(status, error.name)))


def _of_trouble(error: Exception) -> Response:
    """Our fault, or the database's: the caller hears that, and nothing of what it was."""
    if isinstance(error, DBAPIError) and is_away(error):
        log.warning("api.database_away", error=describe(error))
        return render(ProblemError(503, "away", "the database does not answer", headers={"Retry-After": "2"}))
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in CONFLICTS:
        log.warning("api.conflict_lost", error=describe(error))
        why = "others change the same rows just now, several times in a row; nothing was done"
        return render(ProblemError(503, "busy", why, headers={"Retry-After": "1"}))
    log.error("api.failed", endpoint=request.endpoint, exc_info=error)
    return render(ProblemError(500, "failed", "this is a fault of ours; the log says where"))
