"""Official accounts in the control API: /sim/accounts."""

import random
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from simulator import crypto, names
from simulator.callback_pool import verification
from simulator.official_account.acts import ACTS
from simulator.official_account.book import Account, Accounts, Follower, Template
from simulator.official_account.quotas import Quotas
from simulator.official_account.settings import OfficialSettings
from simulator.records import Receiver
from simulator.world import World

KINDS = frozenset({"service", "subscription", "test"})
MODES = frozenset({"plaintext", "compatible", "secure"})
Reply = Callable[..., Response]


def put_account(world: World, order: dict[str, Any]) -> Account:
    """Create an account, or replace its configuration and keep its followers; ValueError says what is wrong."""
    for key in ("appid", "secret"):
        if not order.get(key):
            raise ValueError(f"{key} is missing")
    if order.get("kind", "service") not in KINDS:
        raise ValueError(f"kind is one of {', '.join(sorted(KINDS))}")
    appid = str(order["appid"])
    with world.lock:
        known = world.book(Accounts).by_appid
        account = known.get(appid)
        if account is None:
            account = known[appid] = Account(appid, "", f"gh_{random.randbytes(6).hex()}")
        account.secret = str(order["secret"])
        account.name = str(order.get("name", account.name))
        account.kind = str(order.get("kind", account.kind))
        account.original_id = str(order.get("original_id", account.original_id))
        account.allowed_ips = frozenset(order.get("allowed_ips", account.allowed_ips))
        account.open_platform = bool(order.get("open_platform", account.open_platform))
        account.protected = bool(order.get("protected", account.protected))
        if "quotas" in order or not account.quotas.used:
            own = {str(key): int(value) for key, value in order.get("quotas", {}).items()}
            account.quotas = Quotas(own=own, test_account=account.kind == "test")
        if "receiver" in order:
            account.receiver = _receiver(order["receiver"], appid=appid)
        for item in order.get("templates", []):
            account.templates[item["template_id"]] = Template(**item)
    return account


def _receiver(item: dict[str, Any] | None, *, appid: str) -> Receiver | None:
    if not item:
        return None
    mode = item.get("mode", "secure")
    if mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(sorted(MODES))}")
    if mode != "plaintext":
        crypto.aes_key(item["encoding_aes_key"])
    key = item.get("encoding_aes_key", "")
    return Receiver(item["url"], item["token"], key, appid, "official_account", mode=mode)


def summary(account: Account) -> dict[str, Any]:
    return {
        "appid": account.appid,
        "name": account.name,
        "kind": account.kind,
        "original_id": account.original_id,
        "followers": account.subscribed,
        "sent": len(account.sent),
        "receiver": {"url": account.receiver.url, "mode": account.receiver.mode} if account.receiver else None,
    }


def make_followers(world: World, account: Account, order: dict[str, Any]) -> list[str]:
    """`count` people who have followed for long; with `corp_id` they are customers of it, by unionid."""
    count, made, dice = int(order["count"]), [], random.Random(order.get("seed"))
    people = [Follower(account.new_openid(), names.unionid(dice), names.person(dice)) for _ in range(count)]
    if order.get("corp_id"):
        customers = world.corps[str(order["corp_id"])].customers.values()
        for person, customer in zip(people, (item for item in customers if item.unionid), strict=False):
            person.unionid, person.nickname = customer.unionid, customer.name
    at = int(order.get("subscribe_time") or world.now())
    with world.lock:
        for person in people:
            account.follow(person, at=at)
            made.append(person.openid)
    return made


def follower_rows(account: Account, *, most: int) -> list[dict[str, Any]]:
    return [asdict(account.followers[openid]) for openid in islice(account.present(), most)]


def account_routes(routes: Blueprint, world: World, *, reply: Reply, asked: Callable[[], Any]) -> None:
    def account_of(appid: str) -> Account:
        found = world.book(Accounts).by_appid.get(appid)
        if found is None:
            raise NotFound
        return found

    @routes.post("/sim/accounts")
    def account_put() -> Response:
        return reply(summary(put_account(world, asked())))

    @routes.get("/sim/accounts")
    def account_everything() -> Response:
        return reply([summary(item) for item in world.book(Accounts).by_appid.values()])

    @routes.post("/sim/accounts/<appid>/act")
    def account_act(appid: str) -> Response:
        account, order = account_of(appid), asked()
        if order.get("do") not in ACTS:
            raise ValueError(f"do must be one of {', '.join(sorted(ACTS))}")
        with world.lock:
            at = int(world.now() if order.get("at") is None else order["at"])
            return reply({"do": order["do"], **ACTS[order["do"]](world, account, order, at), "create_time": at})

    @routes.post("/sim/accounts/<appid>/followers/bulk")
    def account_bulk(appid: str) -> Response:
        order = asked()
        made = make_followers(world, account_of(appid), order)
        return reply({"count": len(made), **({"openid": made} if order.get("ids") else {})})

    @routes.get("/sim/accounts/<appid>/followers")
    def account_followers(appid: str) -> Response:
        with world.lock:
            return reply(follower_rows(account_of(appid), most=int(request.args.get("most", 1000))))

    @routes.get("/sim/accounts/<appid>/sent")
    def account_sent(appid: str) -> Response:
        account = account_of(appid)
        with world.lock:
            return reply({"sent": [asdict(item) for item in account.sent], "notices": account.notices})

    @routes.post("/sim/accounts/<appid>/verify_receiver")
    def account_verify(appid: str) -> Response:
        receiver = account_of(appid).receiver
        if receiver is None:
            raise ValueError("the account has no receiver")
        return reply(verification(world.callbacks, receiver))

    @routes.get("/wechat/cgi-bin/showqrcode")
    def account_show_code() -> Response:
        """The address of a code; its picture is no real QR code. 404 for a bad ticket is not published."""
        ticket = request.args.get("ticket", "")
        if not any(ticket in item.qr_codes for item in world.book(Accounts).by_appid.values()):
            return Response("", status=404)
        return Response(PIXEL, mimetype="image/png")


# One white dot.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)
SETTINGS = {"official_account": OfficialSettings}
