"""From an HTTP request under /wechat to the JSON answer: account, token, limits, faults, endpoint, envelope."""

import asyncio
import traceback
from typing import Any

import orjson

from simulator.api.calls import Answer, Request
from simulator.official_account import (
    basics,
    followers,
    mass,
    menus,
    qr_codes,
    service_messages,
    tags,
    templates,
    web_login,
)
from simulator.official_account.book import Account, Accounts
from simulator.official_account.calls import Call, Endpoint
from simulator.official_account.errors import RefusedError, refusal
from simulator.world import World

PREFIX = "/wechat/"
BY_TOKEN: dict[str, Endpoint] = {
    **basics.ENDPOINTS,
    **followers.ENDPOINTS,
    **tags.ENDPOINTS,
    **service_messages.ENDPOINTS,
    **templates.ENDPOINTS,
    **mass.ENDPOINTS,
    **menus.ENDPOINTS,
    **qr_codes.ENDPOINTS,
}
ENDPOINTS = {**BY_TOKEN, **basics.SIGN_IN, **web_login.BY_APPID, **web_login.BY_WEB_TOKEN}


def is_known(path: str) -> bool:
    return path.startswith(PREFIX) and path.removeprefix(PREFIX) in ENDPOINTS


async def answer(world: World, request: Request) -> Answer:
    """What goes back; `request.path` is without /wechat/, faults are set for it with wechat/."""
    name = f"wechat/{request.path}"
    failure = _failure(world, name)
    if failure:
        return failure
    await asyncio.sleep(world.faults.latency_s(name))
    try:
        scripted = world.faults.next("errcode", name)
        if scripted:
            raise RefusedError(int(scripted))
        with world.lock:
            world.run_due()
            body = _run(world, request)
    except RefusedError as error:
        body = refusal(error, address=request.address)
    errcode = int(body.get("errcode", 0))
    world.calls[name, errcode] += 1
    await asyncio.sleep(float(world.faults.next("hang_s", name) or 0))
    if world.faults.next("cut", name, how="after"):
        return Answer(0)
    return Answer(200, orjson.dumps(body), errcode=errcode, errmsg=body.get("errmsg", "ok"))


def _failure(world: World, name: str) -> Answer | None:
    """What fails before WeChat looks at the call."""
    if world.faults.next("cut", name, how="before"):
        return Answer(0)
    status = world.faults.next("http_status", name)
    return Answer(int(status), b"<html></html>", content_type="text/html") if status else None


def _run(world: World, request: Request) -> dict[str, Any]:
    endpoint = ENDPOINTS[request.path]
    if request.method != endpoint.method:
        raise RefusedError(43001 if endpoint.method == "GET" else 43002)
    account = _account(world, request)
    call = Call(world, account, request.query, request.body)
    if request.path in basics.SIGN_IN and account.allowed_ips and request.address not in account.allowed_ips:
        raise RefusedError(40164)
    _not_in_a_burst(call, request.path)
    account.quotas.take(endpoint.quota, day=call.day)
    if endpoint.service_only and not account.is_service:
        raise RefusedError(48001)
    try:
        return endpoint.run(call)
    except (TypeError, AttributeError, ValueError):
        traceback.print_exc()
        raise RefusedError(47001) from None


def _account(world: World, request: Request) -> Account:
    """By appid where the caller signs in, else by the token."""
    accounts = world.book(Accounts).by_appid
    if request.path in basics.SIGN_IN or request.path in web_login.BY_APPID:
        appid = _appid(request)
        if not appid:
            raise RefusedError(41002)
        if appid not in accounts:
            raise RefusedError(40013)
        return accounts[appid]
    token = request.query.get("access_token", "")
    if not token:
        raise RefusedError(41001)
    for account in accounts.values():
        if request.path in web_login.BY_WEB_TOKEN:
            if token in account.web_tokens:
                return account
        elif account.tokens.check(token, now=world.now()):
            return account
    raise RefusedError(40014)


def _appid(request: Request) -> str:
    if request.method == "GET":
        return request.query.get("appid", "")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise RefusedError(47001) from None
    return str(body.get("appid", "")) if isinstance(body, dict) else ""


def _not_in_a_burst(call: Call, path: str) -> None:
    most = call.settings.burst_per_minute
    if not most:
        return
    account, minute = call.account, int(call.now // 60)
    counts = account.minute[1] if account.minute[0] == minute else {}
    account.minute = (minute, counts)
    counts[path] = counts.get(path, 0) + 1
    if counts[path] > most:
        raise RefusedError(45011)
