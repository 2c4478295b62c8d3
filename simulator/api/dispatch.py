"""From an HTTP request under /cgi-bin to the JSON answer: token, limits, faults, endpoint, envelope."""

import asyncio
import traceback
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError, refusal
from simulator.families import ENDPOINTS
from simulator.faults import api_path
from simulator.world import World

GETTOKEN = "gettoken"


@dataclass(frozen=True)
class Request:
    """`address` is the caller's IP, `path` without /cgi-bin/."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    address: str


def is_known(path: str) -> bool:
    return api_path(path) == GETTOKEN or api_path(path) in ENDPOINTS


async def answer(world: World, request: Request) -> tuple[bytes, int]:
    """The JSON body and its errcode. The call counts as under way, for the concurrency limit, while this waits."""
    endpoint = ENDPOINTS.get(request.path)
    try:
        found = await _run(world, request, endpoint)
        body = {"errcode": 0, "errmsg": "ok", **found}
    except ApiError as error:
        body = refusal(error, address=request.address, empty=endpoint.empty if endpoint else {})
    hang_s = world.faults.next_hang(request.path)
    world.calls[request.path, body["errcode"]] += 1
    if hang_s:
        await asyncio.sleep(hang_s)
    return orjson.dumps(body), body["errcode"]


async def _run(world: World, request: Request, endpoint: Endpoint | None) -> dict[str, Any]:
    if endpoint is None:
        await _obstruct(world, request.path)
        return _gettoken(world, request.query)
    call = _authenticate(world, request)
    corp_id = call.corp.corp_id
    refused = world.limiter.enter(corp_id, request.path, now=world.now())
    if refused:
        raise ApiError(refused)
    try:
        await _obstruct(world, request.path)
        if endpoint.method == "POST" and request.method != "POST":
            raise ApiError(40058, detail="the method must be POST")
        if endpoint.customer_contact and not call.app.customer_contact:
            raise ApiError(48002)
        return _answer_of(endpoint, call)
    finally:
        world.limiter.leave(corp_id, request.path)


def _answer_of(endpoint: Endpoint, call: Call) -> dict[str, Any]:
    """A body whose values have the wrong types is 40058, as is JSON that cannot be read; the trace goes to stderr."""
    try:
        with call.world.lock:
            call.world.run_due()
            return endpoint.run(call)
    except (TypeError, AttributeError, ValueError):
        traceback.print_exc()
        raise ApiError(40058, detail="Warning: wrong json format.") from None


async def _obstruct(world: World, path: str) -> None:
    """Scripted latency, then a scripted refusal."""
    latency_ms = world.faults.latency_ms.get(path, 0)
    if latency_ms:
        await asyncio.sleep(latency_ms / 1000)
    scripted = world.faults.next_error(path)
    if scripted:
        raise ApiError(scripted)


def _authenticate(world: World, request: Request) -> Call:
    grant = world.tokens.check(request.query.get("access_token", ""), now=world.now())
    corp = world.corps.get(grant.corp_id)
    app = corp.apps.get(grant.secret) if corp else None
    if corp is None or app is None:
        raise ApiError(40014)
    return Call(world, corp, app, request.query, request.body)


def _gettoken(world: World, query: dict[str, str]) -> dict[str, Any]:
    """Source: WeCom server API, access_token (page 91039)."""
    corp_id, secret = query.get("corpid", ""), query.get("corpsecret", "")
    if not corp_id:
        raise ApiError(41002)
    if not secret:
        raise ApiError(41004)
    corp = world.corps.get(corp_id)
    if corp is None:
        raise ApiError(40013)
    if secret not in corp.apps:
        raise ApiError(40001)
    with world.lock:
        token, expires_in = world.tokens.issue(corp_id, secret, now=world.now(), ttl_s=corp.token_ttl_s)
    return {"access_token": token, "expires_in": expires_in}
