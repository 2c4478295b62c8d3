"""Pages that messages lead to: what the message tells of, and what can be done about it at once (SOP-4, POOL-8)."""

from zoneinfo import ZoneInfo

import structlog
from flask import Blueprint, Response, redirect, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Redirect

from console.desk import desk
from console.views import signing_in, to_add
from console.views.showing import origin_of, show, sorry
from console.views.visitors import SignInNeededError, number_of, visitor_to
from services.message_cards.model import ASKS, CAPTIONS, QUESTION, REASONS, SIGNS, Button
from services.message_cards.pages import NotTheirsError, load_page, press_on_page
from services.notices.model import FOLDED, POOL_GIVEN
from services.notices.settled import Says
from shared.db.engine import describe, is_passing, transact
from shared.ids import OutboxId

PAGES = sorted({*FOLDED.values(), "chat-events", "deleted", "leavers"})
"""Besides `c/<customer id>`: the pages that kinds of messages lead to (notifier/messages)."""


NOT_FOUND = 404

log = structlog.get_logger()


def make_views() -> Blueprint:
    views = Blueprint("views", __name__, template_folder="templates", static_folder="static", static_url_path="/static")
    door = signing_in.Door(desk().runtime)
    views.get(signing_in.BACK)(lambda: signing_in.come_back(door))
    views.get("/c/<int:customer_id>")(show_message)
    for page in PAGES:
        views.get(f"/{page}", endpoint=page)(show_message)
    views.post("/messages/<int:id_>/<key>")(press)
    views.post("/to-add/<int:customer_id>/<key>")(to_add.act)
    views.before_request(_refuse)
    views.register_error_handler(Exception, _instead)
    return views


def _instead(error: Exception) -> Response:
    """The page that is shown instead. What went wrong is in the log, never on a page, nor in anybody else's log."""
    match error:
        case SignInNeededError() if request.method == "GET":
            return signing_in.send_to_sign_in(error.tenant_id, error.path)
        case SignInNeededError():  # a form that is sent on to WeCom would be lost there, and so would what it says
            return sorry("signed_out", 401, again=error.path)
        case NotTheirsError():
            return sorry("not_theirs", 404)
        case HTTPException():
            return sorry("not_theirs" if error.code == NOT_FOUND else "bad_request", error.code or 400)
        case DBAPIError() if is_passing(error):
            log.warning("page.database_away", error=describe(error))
            return sorry("away", 503, again=request.full_path if request.method == "GET" else None)
    log.error("page.failed", endpoint=request.endpoint, exc_info=error)
    return sorry("failed", 500)


def _refuse() -> Response | None:
    """Browsers say where a form stood; only ours are acted upon. PostgreSQL keeps no NUL, and nobody means one."""
    origin = request.headers.get("Origin")
    ours = origin_of(desk().runtime.settings.console_url)
    if request.method == "POST" and origin is not None and origin_of(origin) != ours:
        return sorry("foreign", 403)
    if any("\0" in value for _, value in (*request.args.items(multi=True), *request.form.items(multi=True))):
        return sorry("bad_request", 400)
    return None


def show_message(customer_id: int = 0) -> Response:  # noqa: ARG001 - the link names whom the message is about
    """The message of `n`, from the item `after` on."""
    id_, after = number_of(request.args.get("n", "")), number_of(request.args.get("after", ""))
    if not id_:
        return sorry("no_page", 404)
    visitor = visitor_to(id_, path=f"{request.path}?n={id_}")
    with desk().runtime.engine.begin() as connection:
        page = load_page(connection, visitor.tenant, OutboxId(id_), reader=visitor.userid, after=after)
        part = request.args.get("part", "").strip()[:40]
        mine = page.notice == POOL_GIVEN and page.is_own
        people = to_add.people(connection, visitor, part) if mine else None
    language = visitor.tenant.language
    return show(
        "message.html",
        language=language,
        page=page,
        people=None if people is None else people[: to_add.SHOWN],
        people_count=len(people or ()),
        part=part,
        said=_sign(request.args.get("said", ""), language),
        problem=to_add.problem_of(request.args.get("problem", "")),
        visitor=visitor,
        captions={one: CAPTIONS[one].of(language) for one in Button},
        signs={one: SIGNS[one].of(language) for one in Says},
        asks=(QUESTION, ASKS.of(language), {one.value: sign.of(language) for one, sign in REASONS.items()}),
        here=request.path,
        local=lambda moment: f"{moment.astimezone(ZoneInfo(visitor.tenant.timezone)):%Y-%m-%d %H:%M}",
    )


def _sign(said: str, language: str) -> str:
    return SIGNS[Says(said)].of(language) if said in set(Says) else ""


def press(id_: int, key: str) -> Response | Redirect:
    """Somebody pressed a button of an item; then the page of its message again."""
    page = number_of(request.form.get("page", "")) or id_
    here = f"/{_known(request.form.get('here', ''))}?n={page}"
    visitor = visitor_to(id_, path=here)
    runtime, selected = desk().runtime, {}
    if key not in set(Button):
        return sorry("not_theirs", 404)
    if key == Button.UNREACHABLE:
        selected = {QUESTION: request.form.get(QUESTION, "")}
        if selected[QUESTION] not in set(REASONS):
            return sorry("bad_request", 400)
    now = runtime.clock.now()
    says = transact(
        runtime.engine,
        lambda connection: press_on_page(
            connection,
            visitor.tenant,
            OutboxId(id_),
            Button(key),
            selected=selected,
            by=visitor.userid,
            address=request.remote_addr,
            now=now,
            ttl_s=runtime.settings.message_ttl_s,
        ),
    )
    desk().ring()
    return redirect(f"{here}&said={says.value}", 303)


def _known(here: str) -> str:
    """The page that a form stood on; one that we do not have is that of any message."""
    page = here.strip("/")
    return page if page in PAGES or (page.startswith("c/") and number_of(page[2:])) else "c/0"
