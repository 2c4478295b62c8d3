"""The welcome material of group chats.

Source: WeCom server API, welcome material (page 92366).
"""

import secrets
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import part, text
from simulator.broadcasts.content import check_object
from simulator.errors import ApiError
from simulator.welcome.book import Material, WelcomeBook

Json = dict[str, Any]
MOST, TEXT_BYTES = 100, 3000
# Besides the text one object is kept, the first that is given.
OBJECTS = ("image", "link", "miniprogram", "file", "video")


def _content(call: Call, asked: Json) -> Json:
    said = text(part(asked, "text"), "content")
    if len(said.encode()) > TEXT_BYTES:
        raise ApiError(40058, detail="text.content")
    kind = next((item for item in OBJECTS if part(asked, item)), "")
    if not said and not kind:
        raise ApiError(40063, detail="text")
    content: Json = {"text": {"content": said}} if said else {}
    if kind:
        content[kind] = check_object(call, kind, part(asked, kind))
    return content


def _own(call: Call, asked: Json) -> Material:
    material = _present(call, asked)
    if material.agent_id != call.app.agent_id:
        raise ApiError(41058)
    return material


def _present(call: Call, asked: Json) -> Material:
    if not asked.get("template_id"):
        raise ApiError(40063, detail="template_id")
    material = call.book(WelcomeBook).materials.get(text(asked, "template_id"))
    if material is None:
        raise ApiError(60136)
    return material


def add(call: Call) -> Json:
    asked, book = call.json(), call.book(WelcomeBook)
    if len(book.materials) >= MOST:
        raise ApiError(41055)
    material = Material(f"msgSim{secrets.token_hex(14)}", call.app.agent_id, _content(call, asked))
    book.materials[material.template_id] = material
    return {"template_id": material.template_id}


def edit(call: Call) -> Json:
    asked = call.json()
    material = _own(call, asked)
    material.content = _content(call, asked)
    return {}


def get(call: Call) -> Json:
    """The objects at top level; an image comes as an address."""
    content = dict(_present(call, call.json()).content)
    if "media_id" in content.get("image", {}):
        content["image"] = {"pic_url": f"https://p.qpic.example/pic_wework/{content['image']['media_id'][:24]}"}
    return content


def delete(call: Call) -> Json:
    material = _own(call, call.json())
    del call.book(WelcomeBook).materials[material.template_id]
    return {}


ENDPOINTS = {
    "externalcontact/group_welcome_template/add": Endpoint("POST", add, {}, True),
    "externalcontact/group_welcome_template/edit": Endpoint("POST", edit, {}, True),
    "externalcontact/group_welcome_template/get": Endpoint("POST", get, {}, True),
    "externalcontact/group_welcome_template/del": Endpoint("POST", delete, {}, True),
}
