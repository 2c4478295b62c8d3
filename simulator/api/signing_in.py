"""Who calls: gettoken, and from an access token to the corp and the app.

Source: WeCom server API, access_token (page 91039), global error codes (page 90313).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint, Request
from simulator.errors import ApiError
from simulator.platform_settings import PlatformSettings
from simulator.records import App, Corp
from simulator.world import World

GETTOKEN = "gettoken"
NOBODY = Corp("")
ANYBODY = App("", "", 0, customer_contact=False, kind="open")


def corp_id_of(world: World, request: Request) -> str:
    """The corp that a call speaks for, empty when that cannot be told; nothing is checked."""
    if request.path == GETTOKEN:
        named = request.query.get("corpid", "")
        return named if named in world.corps else ""
    return world.tokens.corp_id_of(request.query.get("access_token", ""))


def call_of(world: World, request: Request, endpoint: Endpoint) -> Call:
    """ApiError 41001, 40014 or 42001 when the token does not do."""
    if endpoint.open:
        return Call(world, NOBODY, ANYBODY, request.query, request.body, request.content_type)
    token = request.query.get("access_token", "")
    grant = world.tokens.check(token, now=world.now())
    killed = world.faults.revocation(request.path, corp_id=grant.corp_id)
    if killed:
        world.tokens.revoke(token=token, expired=killed.expired, now=world.now())
        grant = world.tokens.check(token, now=world.now())
    corp = world.corps.get(grant.corp_id)
    app = corp.apps.get(grant.secret) if corp else None
    if corp is None or app is None:
        raise ApiError(40014)
    return Call(world, corp, app, request.query, request.body, request.content_type)


def gettoken(world: World, request: Request) -> dict[str, Any]:
    """The token of a secret.

    ApiError 41002, 41004, 40013, 40001, 40091 (another corp's secret), 50003 (the app is disabled); 45009 for an hour
    after too many failing calls. That 50003 and 40091 are what this call gives is not documented.
    """
    key = (GETTOKEN, request.query.get("corpid", ""), request.address)
    now, most = world.now(), world.settings(PlatformSettings).gettoken_failures_per_hour
    if most and world.limiter.is_blocked(key, window="hour", now=now):
        raise ApiError(45009)
    try:
        corp, app = _named(world, request.query)
    except ApiError:
        if most and not world.limiter.take(key, most, window="hour", now=now):
            raise ApiError(45009) from None
        raise
    long = world.settings(PlatformSettings).long_tokens
    with world.lock:
        token, expires_in = world.tokens.issue(corp.corp_id, app.secret, now=now, ttl_s=corp.token_ttl_s, long=long)
    return {"access_token": token, "expires_in": expires_in}


def _named(world: World, query: dict[str, str]) -> tuple[Corp, App]:
    corp_id, secret = query.get("corpid", ""), query.get("corpsecret", "")
    if not corp_id:
        raise ApiError(41002)
    if not secret:
        raise ApiError(41004)
    corp = world.corps.get(corp_id)
    if corp is None:
        raise ApiError(40013)
    app = corp.apps.get(secret)
    if app is None:
        raise ApiError(40091 if any(secret in other.apps for other in list(world.corps.values())) else 40001)
    # A suite's permanent code is exchanged by get_corp_token; only a delegated app's is a secret.
    if app.suite_id and not app.delegated:
        raise ApiError(40001)
    if app.disabled:
        raise ApiError(50003)
    return corp, app
