"""From an HTTP request under /cgi-bin to the answer: token, rights, limits, faults, endpoint, envelope."""

import asyncio
import random
import traceback
from typing import Any

import orjson

from simulator.api import signing_in
from simulator.api.bodies import WARNING
from simulator.api.calls import Answer, Call, Endpoint, Request
from simulator.api.future import with_future
from simulator.api.holding import holding
from simulator.api.licences import licensed_only
from simulator.api.rights import check_caller, check_right
from simulator.api.signing_in import GETTOKEN
from simulator.api.spoiling import spoiled
from simulator.errors import ApiError, refusal
from simulator.families import ENDPOINTS
from simulator.faults import api_path
from simulator.platform_settings import PlatformSettings
from simulator.world import World

CUT = Answer(0)
BAD_GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"  # noqa: E501
DICE = random.Random()
Body = dict[str, Any]


def is_known(path: str) -> bool:
    return api_path(path) == GETTOKEN or api_path(path) in ENDPOINTS


async def answer(world: World, request: Request) -> Answer:
    """What goes back. The call counts as under way, for the concurrency limit, while this waits."""
    corp_id, path = signing_in.corp_id_of(world, request), request.path
    failed, failure = _failure(world, path, corp_id)
    if failure:
        world.unanswered[path, failed] += 1
        world.rates.record((path, corp_id, failed), simulated_now=world.now())
        return failure
    endpoint = ENDPOINTS.get(path)
    reads = endpoint is not None and endpoint.reads(path)
    refused = world.limiter.enter(corp_id, path, reads=reads) if corp_id else 0
    try:
        body = await _enveloped(world, request, endpoint, corp_id=corp_id, refused=refused)
        errcode = body.get("errcode", 0)
        world.calls[path, errcode] += 1
        world.rates.record((path, corp_id, errcode), simulated_now=world.now())
        hang_s = world.faults.next("hang_s", path, corp_id=corp_id)
        if hang_s:
            await asyncio.sleep(float(hang_s))
    finally:
        if corp_id and not refused:
            world.limiter.leave(corp_id, path)
    if world.faults.next("cut", path, corp_id=corp_id, how="after"):
        return CUT
    how = world.faults.next("spoil", path, corp_id=corp_id) if errcode == 0 else None
    if how:
        return Answer(200, spoiled(body, how, request), errcode=errcode, errmsg="ok")
    return Answer(200, orjson.dumps(body), errcode=errcode, errmsg=body.get("errmsg", "ok"))


def _failure(world: World, path: str, corp_id: str) -> tuple[str, Answer | None]:
    """What fails before WeCom looks at the call: an outage, a cut connection, a gateway's page; with its name."""
    outage = world.faults.outage()
    if outage:
        return "down", CUT if outage == "cut" else _page(502)
    if world.faults.next("cut", path, corp_id=corp_id, how="before"):
        return "cut", CUT
    status = world.faults.next("http_status", path, corp_id=corp_id)
    return str(status), _page(int(status)) if status else None


def _page(status: int) -> Answer:
    return Answer(status, BAD_GATEWAY, content_type="text/html")


async def _enveloped(world: World, request: Request, endpoint: Endpoint | None, *, corp_id: str, refused: int) -> Body:
    try:
        if refused:
            raise ApiError(refused)
        if endpoint is None:
            return _accepted(world, await _gettoken(world, request, corp_id))
        call = signing_in.call_of(world, request, endpoint)
        try:
            return _accepted(world, await _run(call, request, endpoint), call, bare=endpoint.bare)
        except ApiError as error:
            error.detail = error.detail or (WARNING if call.warnings else "")
            raise
    except ApiError as error:
        return refusal(error, address=request.address, empty=endpoint.empty if endpoint else {})


def _accepted(world: World, found: Body, call: Call | None = None, *, bare: bool = False) -> Body:
    platform = world.settings(PlatformSettings)
    if platform.future:
        found = with_future(found, share=platform.future_share, dice=DICE)
    if bare:
        return found
    body = {"errcode": 0, "errmsg": "ok", **found}
    if call and call.warnings:
        body["errmsg"] += f". {WARNING}"
    return body


async def _gettoken(world: World, request: Request, corp_id: str) -> Body:
    _count(world, request, corp_id=corp_id, provider=False)
    await _obstruct(world, request.path, corp_id)
    return signing_in.gettoken(world, request)


async def _run(call: Call, request: Request, endpoint: Endpoint) -> Body:
    world, corp_id = call.world, call.corp.corp_id
    if not endpoint.open:
        check_caller(call, address=request.address)
    provider = call.app.kind == "suite"
    if not endpoint.free_if_accepted:
        _count(world, request, corp_id=corp_id, provider=provider)
    try:
        with holding(endpoint, call):
            await _obstruct(world, request.path, corp_id)
            if endpoint.method == "POST" and request.method != "POST":
                raise ApiError(40058, detail="the method must be POST")
            if not endpoint.open:
                check_right(call, endpoint, path=request.path, address=request.address)
            return _answer_of(endpoint, call, request.path)
    except ApiError:
        if endpoint.free_if_accepted:
            _count(world, request, corp_id=corp_id, provider=provider)
        raise


def _count(world: World, request: Request, *, corp_id: str, provider: bool) -> None:
    """ApiError 45009 when the call is beyond a limit, or when a forced block lasts."""
    now, path = world.now(), request.path
    debug = request.query.get("debug") == "1"
    with world.lock:
        refused = world.limiter.count(corp_id, path, address=request.address, provider=provider, debug=debug, now=now)
    if refused or world.faults.is_blocked(path, corp_id=corp_id, now=now):
        raise ApiError(45009)


def _answer_of(endpoint: Endpoint, call: Call, path: str) -> Body:
    """A body whose values have the wrong types is 40058, as is JSON that cannot be read; the trace goes to stderr."""
    try:
        with call.world.lock:
            call.world.run_due()
            call, unlicensed = licensed_only(call, path)
            return {**endpoint.run(call), **unlicensed}
    except (TypeError, AttributeError, ValueError):
        traceback.print_exc()
        raise ApiError(40058, detail=WARNING) from None


async def _obstruct(world: World, path: str, corp_id: str) -> None:
    """Scripted latency, then a scripted refusal."""
    latency_s = world.faults.latency_s(path)
    if latency_s:
        await asyncio.sleep(latency_s)
    scripted = world.faults.next("errcode", path, corp_id=corp_id)
    if scripted:
        raise ApiError(int(scripted))
