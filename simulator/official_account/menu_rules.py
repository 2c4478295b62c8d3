"""What a menu must look like.

Source: WeChat Official Account guide, custom menus. Which of the codes 40016 to 40027 belongs to which mistake is in
part read from their texts.
"""

from typing import Any
from urllib.parse import urlsplit

from simulator.official_account.errors import RefusedError

KEYED = frozenset(
    {
        "click",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)
NEEDS = {
    **dict.fromkeys(KEYED, ("key",)),
    "view": ("url",),
    "miniprogram": ("appid", "pagepath", "url"),
    "media_id": ("media_id",),
    "article_id": ("article_id",),
    "article_view_limited": ("article_id",),
}
TYPE, NAME, KEY, URL = range(4)
FIRST_LEVEL = {TYPE: 40017, NAME: 40018, KEY: 40019, URL: 40020}
BELOW = {TYPE: 40024, NAME: 40025, KEY: 40026, URL: 40027}
NAME_BYTES, SUB_NAME_BYTES, KEY_BYTES, URL_BYTES = 16, 60, 128, 1024
MOST_DOMAINS = 3


def check_buttons(buttons: Any) -> list[Any]:
    """The buttons as they are; RefusedError 40016 to 40027, 65307, 65308, 65317."""
    if buttons is None or buttons == []:
        raise RefusedError(65307)
    if not isinstance(buttons, list) or len(buttons) > 3:
        raise RefusedError(40016)
    for button in buttons:
        if not isinstance(button, dict):
            raise RefusedError(47001)
        below = button.get("sub_button")
        _check_name(button, most=NAME_BYTES, codes=FIRST_LEVEL)
        if not below:
            _check_leaf(button, codes=FIRST_LEVEL)
            continue
        if button.get("type"):
            raise RefusedError(FIRST_LEVEL[TYPE])
        if not isinstance(below, list) or len(below) > 5:
            raise RefusedError(40023)
        for item in below:
            _check_name(item, most=SUB_NAME_BYTES, codes=BELOW)
            _check_leaf(item, codes=BELOW)
    return buttons


def _check_name(button: dict[str, Any], *, most: int, codes: dict[int, int]) -> None:
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= most:
        raise RefusedError(codes[NAME])


def _check_leaf(button: dict[str, Any], *, codes: dict[int, int]) -> None:
    kind = button.get("type")
    if not kind:
        raise RefusedError(65308)
    if kind not in NEEDS:
        raise RefusedError(codes[TYPE])
    for need in NEEDS[kind]:
        value = str(button.get(need) or "")
        if need == "key" and not 1 <= len(value.encode()) <= KEY_BYTES:
            raise RefusedError(codes[KEY])
        if need == "url":
            _check_url(value, codes=codes)
        if not value:
            raise RefusedError(65307)


def _check_url(url: str, *, codes: dict[int, int]) -> None:
    if len(url.encode()) > URL_BYTES:
        raise RefusedError(codes[URL])
    if not url.startswith(("http://", "https://")):
        raise RefusedError(65317)


def check_rule(rule: Any) -> dict[str, Any]:
    """Only tag_id and client_platform_type are left; the others are refused with 65320."""
    if not isinstance(rule, dict) or not any(rule.values()):
        raise RefusedError(65304)
    if rule.keys() - {"tag_id", "client_platform_type"}:
        raise RefusedError(65320)
    return rule


def check_domains(menus: list[list[Any]]) -> None:
    """All conditional menus together point to at most three other sites."""
    found = {
        urlsplit(str(item.get("url"))).hostname
        for buttons in menus
        for button in buttons
        for item in (button.get("sub_button") or [button])
        if item.get("url")
    }
    if len(found) > MOST_DOMAINS:
        raise RefusedError(65316)
