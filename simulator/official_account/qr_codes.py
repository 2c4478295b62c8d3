"""QR codes with a scene.

Source: WeChat Official Account guide, generating a parametric QR code. The code for what is malformed is not published.
"""

import secrets
from typing import Any

from simulator.official_account.book import Account, QrCode
from simulator.official_account.calls import Call, Endpoint
from simulator.official_account.errors import RefusedError

DEFAULT_S, MOST_S = 60, 2_592_000
MOST_PERMANENT = 100_000
MALFORMED = 40053


def create(call: Call) -> dict[str, Any]:
    body = call.json()
    action, told = body.get("action_name"), body.get("action_info")
    scene = told.get("scene") if isinstance(told, dict) else None
    if not isinstance(scene, dict):
        raise RefusedError(MALFORMED)
    if action in {"QR_SCENE", "QR_STR_SCENE"}:
        life_s = body.get("expire_seconds", DEFAULT_S)
        if not isinstance(life_s, int) or not 1 <= life_s <= MOST_S:
            raise RefusedError(MALFORMED, detail="expire_seconds")
        code = _made(call.account, _scene(action, scene, most=2**32 - 1), expires_at=call.now + life_s)
        return {"ticket": code.ticket, "expire_seconds": life_s, "url": code.url}
    if action in {"QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"}:
        code = _permanent(call.account, _scene(action, scene, most=100_000))
        return {"ticket": code.ticket, "url": code.url}
    raise RefusedError(MALFORMED, detail="action_name")


def _scene(action: str, scene: dict[str, Any], *, most: int) -> int | str:
    if action.endswith("STR_SCENE"):
        text = scene.get("scene_str")
        if not isinstance(text, str) or not 1 <= len(text) <= 64:
            raise RefusedError(MALFORMED, detail="scene_str")
        return text
    number = scene.get("scene_id")
    if not isinstance(number, int) or not 1 <= number <= most:
        raise RefusedError(MALFORMED, detail="scene_id")
    return number


def _permanent(account: Account, scene: int | str) -> QrCode:
    """The same scene has the same code."""
    known = account.permanent_scenes.get(scene)
    if known:
        return account.qr_codes[known]
    if len(account.permanent_scenes) >= MOST_PERMANENT:
        raise RefusedError(45009, detail="permanent codes")
    code = _made(account, scene, expires_at=0.0)
    account.permanent_scenes[scene] = code.ticket
    return code


def _made(account: Account, scene: int | str, *, expires_at: float) -> QrCode:
    ticket = f"gQ{secrets.token_urlsafe(66)}=="
    code = QrCode(ticket, f"http://weixin.qq.com/q/{secrets.token_urlsafe(15)}", scene, expires_at)
    account.qr_codes[ticket] = code
    return code


ENDPOINTS = {"cgi-bin/qrcode/create": Endpoint("POST", create, quota="qrcode/create")}
