"""What happens in browsers: the console's settings for login, a visit to the login page, a page that uses the JS-SDK.

Source: WeCom server API, login (pages 96441, 96442, 98171), JS-SDK (page 96909).
"""

import hashlib
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.configuration import PERSONAL
from simulator.customers.conversions import openid_of
from simulator.login.book import Code, Console, LoginBook
from simulator.login.signing import verdict
from simulator.records import App, Corp, Member
from simulator.world import World

BASE, PRIVATE = "snsapi_base", "snsapi_privateinfo"
STATE = re.compile(r"[a-zA-Z0-9]{0,128}")
VISIT = frozenset(
    {"userid", "external_userid", "stranger", "agent_id", "redirect_uri", "scope", "state", "web", "refuses", "agrees"}
)


def _only(order: Order, known: frozenset[str]) -> None:
    unknown = order.keys() - known
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")


def _app(corp: Corp, agent_id: int) -> App:
    for app in corp.apps.values():
        if app.agent_id == agent_id and app.kind in {"app", "suite"}:
            return app
    raise ImpossibleError(f"no such app: {agent_id}")


def set_login(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """The console's page of one app: `trusted_domain` (with a port, if it has one) and `fields` that it may ask for."""
    _only(order, frozenset({"agent_id", "trusted_domain", "fields"}))
    app = _app(corp, int(order["agent_id"]))
    consoles = corp.book(LoginBook).consoles
    before = consoles.get(app.agent_id, Console())
    wanted = frozenset(order.get("fields", before.fields))
    if not wanted <= set(PERSONAL):
        raise ValueError(f"fields are some of {', '.join(PERSONAL)}")
    consoles[app.agent_id] = Console(str(order.get("trusted_domain", before.trusted_domain)), wanted)
    return Outcome({"agent_id": app.agent_id})


def _check_domain(corp: Corp, agent_id: int, redirect_uri: str) -> None:
    """The host with its port must be the app's trusted domain, or any app's when the page names none."""
    consoles = corp.book(LoginBook).consoles
    asked = [consoles.get(agent_id, Console())] if agent_id else list(consoles.values())
    parts = urlsplit(redirect_uri)
    if parts.scheme not in {"http", "https"} or parts.netloc not in {item.trusted_domain for item in asked}:
        raise ImpossibleError("error page 50001: the domain of redirect_uri is not trusted")


def _who(corp: Corp, order: Order) -> Code:
    """The visitor: a member, a customer, or anybody with WeChat; the visit is still to be filled in."""
    if order.get("userid"):
        member = corp.member(str(order["userid"]))
        if member is None or member.resigned:
            raise ImpossibleError(f"no such member in service: {order['userid']!r}")
        return Code(userid=member.userid, device=_made_up("device", corp, member.userid.lower()))
    if order.get("external_userid"):
        customer = corp.customers.get(str(order["external_userid"]))
        if customer is None:
            raise ImpossibleError(f"no such customer: {order['external_userid']!r}")
        return Code(openid=openid_of(corp, customer), external_userid=customer.external_userid)
    return Code(openid="oStr" + _made_up("stranger", corp, str(order["stranger"])))


def _made_up(kind: str, corp: Corp, of: str) -> str:
    return hashlib.blake2b(f"{kind}|{corp.corp_id}|{of}".encode(), digest_size=12).hexdigest()


def _scope(corp: Corp, order: Order, member: Member | None, agent_id: int) -> str:
    """privateinfo needs an app and a member in its visible range; without an app it is base."""
    scope = str(order.get("scope", BASE))
    if scope not in {BASE, PRIVATE}:
        raise ImpossibleError(f"error page: unknown scope {scope!r}")
    if scope == BASE or not agent_id:
        return BASE
    if member is not None and not corp.in_scope(_app(corp, agent_id), member):
        raise ImpossibleError("error page: the member is out of the app's visible range")
    return scope


def _back(redirect_uri: str, more: dict[str, str]) -> str:
    parts = urlsplit(redirect_uri)
    query = "&".join(item for item in (parts.query, urlencode(more)) if item)
    return urlunsplit(parts._replace(query=query))


def oauth(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """Somebody opens the authorize page, or with `web` signs in on a computer, and is sent back with a code.

    Who `refuses` is sent back without one. `agrees` are the personal fields that the member grants.
    """
    _only(order, VISIT)
    agent_id, redirect_uri = int(order.get("agent_id", 0)), str(order["redirect_uri"])
    if agent_id:
        _app(corp, agent_id)
    elif order.get("web"):
        raise ImpossibleError("the web login needs agent_id")
    state = str(order.get("state", ""))
    if not STATE.fullmatch(state):
        raise ImpossibleError("error page: state is up to 128 letters and digits")
    _check_domain(corp, agent_id, redirect_uri)
    who = _who(corp, order)
    if order.get("web") and not who.userid:
        raise ImpossibleError("only members sign in on the web")
    scope = "" if order.get("web") else _scope(corp, order, corp.member(who.userid), agent_id)
    more: dict[str, str] = {"state": state} if state else {}
    if order.get("refuses"):
        return Outcome({"code": "", "redirect": _back(redirect_uri, more)})
    agreed = frozenset(order.get("agrees", ()))
    code = corp.book(LoginBook).put_code(replace(who, agreed=agreed, at=at, agent_id=agent_id, scope=scope))
    return Outcome({"code": code, "redirect": _back(redirect_uri, {"code": code, **more})})


def open_page(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """A page calls wx.config, or with `agent_id` wx.agentConfig; the answer is what WeCom thinks of its signature."""
    _only(order, frozenset({"agent_id", "signature", "noncestr", "timestamp", "url"}))
    told: dict[str, Any] = {key: str(order[key]) for key in ("signature", "noncestr", "timestamp", "url")}
    secret = _app(corp, int(order["agent_id"])).secret if order.get("agent_id") else ""
    return Outcome({"errcode": verdict(world, corp, secret=secret, now=at, **told)})


ACTS = {"set_login": set_login, "oauth": oauth, "open_page": open_page}
