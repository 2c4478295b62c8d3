"""Who looks at a page: an associate who signed in with WeCom, known by a sealed cookie of twelve hours.

The cookie names corp and member and opens with the installation's secret key only. Whoever has left the corp, or is
none of its associates, is nobody from then on, whatever the cookie says.
"""

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from flask import Response, request
from sqlalchemy import Connection

from console.desk import desk
from services.message_cards.pages import NotTheirsError, tenant_of_message
from shared.db.engine import fetch_one
from shared.ids import TenantId, UserId
from shared.tenants import Tenant, load_tenant
from shared.vault import VaultError

COOKIE, LASTS = "guanxi_visitor", timedelta(hours=12)
STARTED, START_LASTS = "guanxi_start_", timedelta(minutes=10)
_VISITOR, _START = "console.visitor", "console.start"
"""Contexts of the sealed cookies: one is never taken for the other."""


@dataclass(frozen=True)
class Visitor:
    tenant: Tenant
    userid: UserId
    name: str


@dataclass(frozen=True)
class Start:
    """A sign-in under way: of which corp, and the page to come back to."""

    tenant_id: TenantId
    path: str


LARGEST = 2**63 - 1


def number_of(text: str) -> int:
    """What an address or a form says as a number; 0: it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST else 0


class SignInNeededError(Exception):
    """Nobody is signed in to this corp; `path` is the page to come back to."""

    def __init__(self, tenant_id: TenantId, path: str) -> None:
        self.tenant_id, self.path = tenant_id, path
        super().__init__("sign in")


def visitor_to(message: int, *, path: str) -> Visitor:
    """Who is signed in to the corp of a message.

    Raises:
        SignInNeededError, NotTheirsError: there is no such message.
    """
    with desk().runtime.engine.begin() as connection:
        tenant_id = tenant_of_message(connection, message)
        if tenant_id is None:
            raise NotTheirsError("there is no such message")
        return visitor_of(connection, tenant_id, path=path)


def visitor_of(connection: Connection, tenant_id: TenantId, *, path: str) -> Visitor:
    """
    Raises:
        SignInNeededError
    """
    told = _opened(request.cookies.get(COOKIE, ""), _VISITOR)
    if told is None or told.get("tenant_id") != tenant_id:
        raise SignInNeededError(tenant_id, path)
    tenant = load_tenant(connection, desk().runtime.vault, tenant_id)
    found = None if tenant is None else find_visitor(connection, tenant, str(told["userid"]))
    if found is None:
        raise SignInNeededError(tenant_id, path)
    return found


def find_visitor(connection: Connection, tenant: Tenant, userid: str) -> Visitor | None:
    """The associate of this userid, who is still there; userids have no case."""
    row = fetch_one(
        connection,
        "select userid, name from associate where tenant_id = :tenant_id and lower(userid) = lower(:userid) "
        "and gone_at is null and renamed_to is null",
        tenant_id=tenant.id,
        userid=userid,
    )
    return None if row is None else Visitor(tenant, UserId(row["userid"]), row["name"] or row["userid"])


def remember(answer: Response, visitor: Visitor) -> None:
    told = {"tenant_id": visitor.tenant.id, "userid": visitor.userid}
    _give(answer, COOKIE, told, _VISITOR, lasts=LASTS)


def start(answer: Response, state: str, one: Start) -> None:
    """Remember where this browser was, under the state that it will come back with."""
    _give(answer, STARTED + state, vars(one), _START, lasts=START_LASTS)


def started(state: str) -> Start | None:
    """What this browser began with this state; None: nothing, or too long ago."""
    told = _opened(request.cookies.get(STARTED + state, ""), _START) if state.isalnum() else None
    return None if told is None else Start(TenantId(int(str(told["tenant_id"]))), str(told["path"]))


def new_state() -> str:
    return secrets.token_hex(16)


def _give(answer: Response, name: str, told: dict[str, object], context: str, *, lasts: timedelta) -> None:
    runtime = desk().runtime
    until = runtime.clock.now() + lasts
    sealed = runtime.vault.local.encrypt(orjson.dumps({**told, "until": until}), context)
    answer.set_cookie(
        name,
        urlsafe_b64encode(sealed).decode(),
        max_age=lasts,
        httponly=True,
        samesite="Lax",
        secure=runtime.settings.console_url.startswith("https://"),
    )


def _opened(value: str, context: str) -> dict[str, object] | None:
    """None: not of ours, or too old."""
    runtime = desk().runtime
    try:
        told = orjson.loads(runtime.vault.local.decrypt(urlsafe_b64decode(value.encode()), context))
    except (VaultError, binascii.Error, ValueError):
        return None
    return told if datetime.fromisoformat(told["until"]) > runtime.clock.now() else None
