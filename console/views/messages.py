"""Pages that messages lead to: what the message tells of, and what can be done about it at once (SOP-4, POOL-8)."""

from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, request
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response as Redirect

from console.desk import desk
from console.views import signing_in, to_add
from console.views.showing import show, sorry
from console.views.visitors import SignInNeededError, number_of, visitor_to
from services.message_cards.model import ASKS, CAPTIONS, QUESTION, REASONS, SIGNS, Button
from services.message_cards.pages import NotTheirsError, load_page, press_on_page
from services.notices.model import FOLDED, POOL_GIVEN
from services.notices.settled import Says
from shared.db.engine import is_away, transact
from shared.ids import OutboxId
from shared.wecom.clients import Clients

PAGES = sorted({*FOLDED.values(), "chat-events", "deleted", "leavers"})
"""Besides `c/<customer id>`: the pages that kinds of messages lead to (notifier/messages)."""


def make_views() -> Blueprint:
    views = Blueprint("views", __name__, template_folder="templates", static_folder="static", static_url_path="/static")
    clients = Clients(desk().runtime, connections=desk().runtime.settings.console_threads)
    views.get(signing_in.BACK)(lambda: signing_in.come_back(clients))
    views.get("/c/<int:customer_id>")(show_message)
    for page in PAGES:
        views.get(f"/{page}", endpoint=page)(show_message)
    views.post("/messages/<int:id_>/<key>")(press)
    views.post("/to-add/<int:customer_id>/<key>")(to_add.act)
    views.before_request(_refuse_foreign)
    views.register_error_handler(SignInNeededError, lambda e: signing_in.send_to_sign_in(e.tenant_id, e.path))
    views.register_error_handler(NotTheirsError, lambda _e: sorry("not_theirs", 404))
    views.register_error_handler(DBAPIError, _away)
    return views


def _away(error: DBAPIError) -> Response:
    if not is_away(error):
        raise error
    return sorry("away", 503, again=request.full_path if request.method == "GET" else None)


def _refuse_foreign() -> Response | None:
    """Browsers say where a form stood; only ours are acted upon."""
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin is not None and origin != desk().runtime.settings.console_url:
        return sorry("foreign", 403)
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
        people=people,
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
    if key not in set(Button):
        return sorry("not_theirs", 404)
    runtime = desk().runtime
    selected = {QUESTION: reason} if (reason := request.form.get(QUESTION, "")) else {}
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
