"""Associates sign in with WeCom: silently inside its client, by a code to scan in any other browser.

The one thing that the console asks WeCom: who came back with a code. The host of GUANXI_CONSOLE_URL must be the
app's trusted domain.
"""

from collections import deque
from threading import BoundedSemaphore

import structlog
from flask import Response, make_response, redirect, request

from console.desk import desk
from console.views.showing import sorry
from console.views.visitors import STARTED, Start, find_visitor, new_state, remember, start, started
from shared.clock import monotonic
from shared.db.engine import fetch_one
from shared.errors import RetryableError
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant, load_tenant
from shared.wecom.apis import Priority
from shared.wecom.clients import CONTACT, Clients
from shared.wecom.errors import UnreachableError, WeComError
from shared.wecom.families.login import IN_APP, ON_WEB, in_app_address, web_address
from shared.wecom.payloads.login import SignedIn

BACK = "/signed-in"
MINUTE_S = 60.0
_INSIDE = ("wxwork", "micromessenger")
"""In the names of browsers inside WeCom and WeChat. Source: WeCom JS-SDK, telling the client apart."""

MOST_REFUSED = 30
"""Codes that WeCom may refuse in a minute: strangers can make them up, and each costs the corp a call."""

log = structlog.get_logger()


class Door:
    """Asks WeCom who came back. Whoever is signed in goes on while it does not answer: only some threads wait here."""

    def __init__(self, runtime: Runtime) -> None:
        threads = runtime.settings.console_threads
        self._clients = Clients(runtime, connections=threads)
        self._places = BoundedSemaphore(max(1, threads // 4))
        self._refused: deque[float] = deque(maxlen=MOST_REFUSED)

    def ask(self, tenant: Tenant, code: str) -> SignedIn:
        """
        Raises:
            BusyError: too many ask at once, or were refused within the last minute.
            WeComError: the code is none.
        """
        full = len(self._refused) == MOST_REFUSED and monotonic() - self._refused[0] < MINUTE_S
        if full or not self._places.acquire(blocking=False):
            raise BusyError
        try:
            return self._clients.of(tenant).at(Priority.OPERATOR).login.user(code)
        except WeComError:
            self._refused.append(monotonic())
            raise
        finally:
            self._places.release()


class BusyError(Exception):
    """Nobody asks WeCom now; in a moment one may."""


def send_to_sign_in(tenant_id: TenantId, path: str) -> Response:
    """To WeCom, and then back to `path`."""
    runtime, state = desk().runtime, new_state()
    with runtime.engine.begin() as connection:
        tenant = load_tenant(connection, runtime.vault, tenant_id)
        app = fetch_one(
            connection,
            "select agent_id from app where tenant_id = :tenant_id and name = :name",
            tenant_id=tenant_id,
            name=CONTACT,
        )
    if tenant is None or app is None or app["agent_id"] is None:
        return sorry("no_app", 503)
    answer = make_response(redirect(_address(tenant, app["agent_id"], state), 302))
    start(answer, state, Start(tenant_id, path))
    return answer


def _address(tenant: Tenant, agent_id: int, state: str) -> str:
    settings = desk().runtime.settings
    back, base = f"{settings.console_url}{BACK}", settings.wecom_login_url
    if any(mark in request.user_agent.string.lower() for mark in _INSIDE):
        place = f"{base}/connect/oauth2/authorize" if base else IN_APP
        return in_app_address(tenant.corp_id, back, state=state, agentid=agent_id, base=place)
    place = f"{base}/wwlogin/sso/login" if base else ON_WEB
    lang = tenant.language if tenant.language in {"zh", "en"} else "en"
    return web_address(tenant.corp_id, back, agentid=agent_id, state=state, lang=lang, base=place)


def come_back(door: Door) -> Response:
    """With a code: whoever it is of is signed in, if this browser asked for it and they are an associate."""
    runtime, state = desk().runtime, request.args.get("state", "")
    begun = started(state)
    if begun is None:
        return sorry("started_elsewhere", 400)
    with runtime.engine.begin() as connection:
        tenant = load_tenant(connection, runtime.vault, begun.tenant_id)
    code = request.args.get("code", "")
    if tenant is None or not code:
        return sorry("refused", 403, again=begun.path)
    try:
        told = door.ask(tenant, code)
    except WeComError as error:
        log.warning("sign_in.refused", tenant_id=tenant.id, code=error.code)
        return sorry("code_is_over", 403, again=begun.path)
    except (BusyError, UnreachableError, RetryableError):
        return sorry("wecom_away", 503, again=begun.path)
    with runtime.engine.begin() as connection:
        visitor = find_visitor(connection, tenant, told.userid) if told.userid else None
    if visitor is None:
        log.warning("sign_in.nobody", tenant_id=tenant.id)
        return sorry("nobody", 403)
    answer = make_response(redirect(begun.path, 303))
    remember(answer, visitor)
    answer.delete_cookie(STARTED + state)
    log.info("sign_in.done", tenant_id=tenant.id, userid=visitor.userid)
    return answer
