"""What followers and the administrator do; each tells the account's receiver."""

from collections.abc import Callable
from typing import Any

from simulator.acting import ImpossibleError, Order
from simulator.official_account.book import Account, Follower, MassJob
from simulator.official_account.events import event, tell
from simulator.official_account.mass import WAITING, plan, reject
from simulator.official_account.menus import menu_of
from simulator.official_account.settings import OfficialSettings
from simulator.official_account.web_login import new_code
from simulator.official_account.windows import CLICKS, open_window
from simulator.world import World

Act = Callable[[World, Account, Order, int], dict[str, Any]]


def _person(world: World, account: Account, order: Order) -> Follower:
    """Known by openid, or new: then perhaps a customer of a corp, whose unionid they share."""
    openid = str(order.get("openid") or account.new_openid())
    known = account.followers.get(openid)
    if known is not None:
        return known
    unionid, nickname = str(order.get("unionid") or ""), str(order.get("nickname") or "")
    if "external_userid" in order:
        corp = world.corps.get(str(order.get("corp_id")))
        customer = corp.customers.get(str(order["external_userid"])) if corp else None
        if customer is None or not customer.unionid:
            raise ImpossibleError("no such customer with a unionid")
        unionid, nickname = customer.unionid, nickname or customer.name
    return Follower(openid, unionid=unionid, nickname=nickname)


def _follower(account: Account, order: Order) -> Follower:
    found = account.followers.get(str(order.get("openid")))
    if found is None or not found.subscribed:
        raise ImpossibleError(f"no such follower: {order.get('openid')!r}")
    return found


def _window(world: World, follower: Follower, trigger: str, at: int) -> None:
    open_window(follower, trigger, settings=world.settings(OfficialSettings), at=at)


def follow(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    person = _person(world, account, order)
    if person.subscribed:
        raise ImpossibleError("already a follower")
    person.scene, person.qr_scene, person.qr_scene_str = str(order.get("scene") or "ADD_SCENE_SEARCH"), 0, ""
    account.follow(person, at=at)
    _window(world, person, "follow", at)
    tell(world, account, person.openid, event("subscribe"), at=at)
    return {"openid": person.openid, "unionid": person.unionid}


def unfollow(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    person = _follower(account, order)
    account.unfollow(person)
    tell(world, account, person.openid, event("unsubscribe"), at=at, answered=False)
    return {"openid": person.openid}


def scan(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    """A follower: SCAN with the scene. Anybody else: subscribe with qrscene_ before it."""
    code = account.qr_codes.get(str(order.get("ticket")))
    if code is None or (code.expires_at and code.expires_at <= at):
        raise ImpossibleError("no such code, or it has expired")
    person, scene = _person(world, account, order), str(code.scene)
    was = person.subscribed
    if not was:
        person.scene = "ADD_SCENE_QR_CODE"
        person.qr_scene = code.scene if isinstance(code.scene, int) else 0
        person.qr_scene_str = code.scene if isinstance(code.scene, str) else ""
        account.follow(person, at=at)
        _window(world, person, "follow", at)
    _window(world, person, "scan", at)
    name, key = ("SCAN", scene) if was else ("subscribe", f"qrscene_{scene}")
    tell(world, account, person.openid, event(name, ("EventKey", key), ("Ticket", code.ticket)), at=at)
    return {"openid": person.openid, "unionid": person.unionid, "event": name}


def message(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    """Text by default; `fields` are the tags of other types, as {Tag: value}."""
    person = _follower(account, order)
    msgtype, msgid = str(order.get("msgtype") or "text"), 24_700_000_000_000_000 + world.next_sequence()
    told = order.get("fields") or {"Content": str(order.get("content") or "你好")}
    _window(world, person, "message", at)
    inside = tuple((str(tag), value if isinstance(value, int) else str(value)) for tag, value in told.items())
    tell(world, account, person.openid, (("MsgType", msgtype), *inside, ("MsgId", msgid)), at=at)
    return {"openid": person.openid, "msgid": str(msgid)}


def click(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    """Press the button of the menu that this follower sees, by `name`."""
    person = _follower(account, order)
    menu = menu_of(account, person)
    leaves = [leaf for top in (menu.buttons if menu else []) for leaf in (top.get("sub_button") or [top])]
    button = next((leaf for leaf in leaves if leaf["name"] == order.get("name")), None)
    if menu is None or button is None:
        raise ImpossibleError(f"no such button: {order.get('name')!r}")
    kind = button["type"]
    name = {"click": "CLICK", "view": "VIEW", "miniprogram": "view_miniprogram"}.get(kind, kind)
    key = str(button.get("key") or button.get("pagepath") or button.get("url") or "")
    if kind in CLICKS:
        _window(world, person, "menu", at)
    number: tuple[tuple[str, str | int], ...] = (("MenuId", menu.menuid),) if kind in {"view", "miniprogram"} else ()
    tell(world, account, person.openid, event(name, ("EventKey", key), *number), at=at)
    return {"openid": person.openid, "event": name, "key": key}


def pay(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    """No callback of this API tells of it."""
    person = _follower(account, order)
    if account.is_service:
        _window(world, person, "payment", at)
    return {"openid": person.openid}


def _refusing(value: bool) -> Act:
    def run(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:  # noqa: ARG001
        person = _follower(account, order)
        person.refuses = value
        return {"openid": person.openid}

    return run


def consent(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    """Agree to one subscription notice, or decline."""
    person, template_id = _follower(account, order), str(order["template_id"])
    accepted = order.get("accept", True) is True
    if accepted:
        person.consents[template_id] = person.consents.get(template_id, 0) + 1
    status = "accept" if accepted else "reject"
    row = (("TemplateId", template_id), ("SubscribeStatusString", status), ("PopupScene", "2"))
    fields = (*event("subscribe_msg_popup_event"), ("SubscribeMsgPopupEvent", (("List", row),)))
    tell(world, account, person.openid, fields, at=at, answered=False)
    return {"openid": person.openid}


def authorise(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    """Open a page that asks for the web login; `scope` snsapi_base or snsapi_userinfo."""
    person = _person(world, account, order)
    account.followers.setdefault(person.openid, person)
    scope, life_s = str(order.get("scope") or "snsapi_base"), world.settings(OfficialSettings).oauth_code_s
    code = new_code(account, person, scope=scope, now=at, life_s=life_s)
    return {"openid": person.openid, "code": code}


def next_template(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:  # noqa: ARG001
    """How the next template message to this follower ends, for example `failed:freq limit`."""
    person = _follower(account, order)
    person.template_status = str(order["outcome"])
    return {"openid": person.openid}


def _waiting(account: Account, order: Order) -> MassJob:
    job = account.jobs.get(int(order["msg_id"]))
    if job is None or job.status != WAITING:
        raise ImpossibleError("no mass send waits under this msg_id")
    return job


def confirm_mass(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    job = _waiting(account, order)
    plan(world, account, job, now=at)
    return {"msg_id": job.msg_id}


def reject_mass(world: World, account: Account, order: Order, at: int) -> dict[str, Any]:
    job = _waiting(account, order)
    reject(world, account, job, at=at)
    return {"msg_id": job.msg_id}


ACTS: dict[str, Act] = {
    "follow": follow,
    "unfollow": unfollow,
    "scan": scan,
    "message": message,
    "click": click,
    "pay": pay,
    "refuse_messages": _refusing(True),
    "accept_messages": _refusing(False),
    "consent": consent,
    "authorise": authorise,
    "next_template": next_template,
    "confirm_mass": confirm_mass,
    "reject_mass": reject_mass,
}
