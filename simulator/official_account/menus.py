"""The default menu, conditional menus, and which of them a follower sees.

Source: WeChat Official Account guide, custom menus and conditional menus.
"""

from typing import Any

from simulator.official_account.book import Account, Follower, Menu
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError
from simulator.official_account.menu_rules import check_buttons, check_domains, check_rule


def create(call: Call) -> dict[str, Any]:
    buttons = check_buttons(call.json().get("button"))
    call.account.menu = Menu(_number(call), buttons)
    return OK


def _number(call: Call) -> int:
    return 435_000_000 + call.world.next_sequence()


def _shown(menu: Menu) -> dict[str, Any]:
    return {"button": menu.buttons, "menuid": menu.menuid}


def get(call: Call) -> dict[str, Any]:
    account = call.account
    if account.menu is None:
        raise RefusedError(46003)
    if not account.conditional:
        return {"menu": {"button": account.menu.buttons}}
    rows = [{**_shown(item), "matchrule": item.matchrule} for item in account.conditional]
    return {"menu": _shown(account.menu), "conditionalmenu": rows}


def delete(call: Call) -> dict[str, Any]:
    """The conditional ones go with the default menu."""
    call.account.menu = None
    call.account.conditional.clear()
    return OK


def current(call: Call) -> dict[str, Any]:
    menu = call.account.menu
    return {"is_menu_open": int(menu is not None), "selfmenu_info": {"button": menu.buttons if menu else []}}


def addconditional(call: Call) -> dict[str, Any]:
    account, body = call.account, call.json()
    if account.menu is None:
        raise RefusedError(65303)
    buttons, rule = check_buttons(body.get("button")), check_rule(body.get("matchrule"))
    if len(account.conditional) >= call.settings.conditional_menus_most:
        raise RefusedError(65305)
    check_domains([*(item.buttons for item in account.conditional), buttons])
    menu = Menu(_number(call), buttons, rule)
    account.conditional.append(menu)
    return {"menuid": str(menu.menuid)}


def delconditional(call: Call) -> dict[str, Any]:
    menuid = str(call.json().get("menuid", ""))
    found = next((item for item in call.account.conditional if str(item.menuid) == menuid), None)
    if found is None:
        raise RefusedError(65301)
    call.account.conditional.remove(found)
    return OK


def trymatch(call: Call) -> dict[str, Any]:
    """Only openids: WeChat ids do not exist here."""
    follower = call.account.followers.get(str(call.json().get("user_id", "")))
    if follower is None or not follower.subscribed:
        raise RefusedError(65302)
    menu = menu_of(call.account, follower)
    if menu is None:
        raise RefusedError(46003)
    return {"button": menu.buttons}


def menu_of(account: Account, follower: Follower) -> Menu | None:
    """The newest conditional menu that matches, else the default one; of several tags the last applied decides."""
    last = str(follower.tags[-1]) if follower.tags else ""
    for menu in reversed(account.conditional):
        rule = menu.matchrule
        if rule.get("tag_id") and str(rule["tag_id"]) != last:
            continue
        if rule.get("client_platform_type") and str(rule["client_platform_type"]) != str(follower.platform):
            continue
        return menu
    return account.menu


ENDPOINTS = {
    "cgi-bin/menu/create": Endpoint("POST", create, quota="menu/create"),
    "cgi-bin/menu/get": Endpoint("GET", get, quota="menu/get"),
    "cgi-bin/menu/delete": Endpoint("GET", delete, quota="menu/delete"),
    "cgi-bin/get_current_selfmenu_info": Endpoint("GET", current),
    "cgi-bin/menu/addconditional": Endpoint("POST", addconditional, quota="menu/addconditional"),
    "cgi-bin/menu/delconditional": Endpoint("POST", delconditional, quota="menu/delconditional"),
    "cgi-bin/menu/trymatch": Endpoint("POST", trymatch, quota="menu/trymatch"),
}
