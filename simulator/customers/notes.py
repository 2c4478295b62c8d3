"""What software writes on a relation: remark, description, company, phones. Silent: no callback.

Source: WeCom server API, remark of a customer (page 92115).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import text, texts
from simulator.customers.reading import member_of, visible_pair
from simulator.customers.settings import CustomerSettings
from simulator.customers.subjects import customer_of
from simulator.customers.walks import edited
from simulator.errors import ApiError
from simulator.media.book import MediaBook

LIMITS = {"remark": 20, "description": 150, "remark_company": 20}
PHONES, PICTURE = "remark_mobiles", "remark_pic_mediaid"


def remark(call: Call) -> dict[str, Any]:
    """Change what is said; [""] takes away all phones. A company is accepted for any customer and shown for type 1."""
    asked = call.json()
    member = member_of(call, asked.get("userid"))
    pair = visible_pair(call, member, customer_of(call, asked.get("external_userid")))
    said = {key: asked[key] for key in (*LIMITS, PHONES, PICTURE) if asked.get(key)}
    if not said:
        raise ApiError(40063, detail="remark")
    _check(call, said)
    if call.settings(CustomerSettings).empty_remark_clears:
        said |= {key: "" for key in LIMITS if asked.get(key) == ""}
    for key in LIMITS.keys() & said.keys():
        setattr(pair, key, said[key])
    if PHONES in said:
        pair.remark_mobiles = tuple(item for item in said[PHONES] if item)
    edited(call.world, call.corp, pair)
    return {}


def _check(call: Call, said: dict[str, Any]) -> None:
    for key, limit in LIMITS.items():
        if len(text(said, key)) > limit:
            raise ApiError(40058, detail=f"field `{key}` exceed max length {limit}")
    texts(said, PHONES)
    picture = text(said, PICTURE)
    if picture and not call.book(MediaBook).usable(picture, kinds=frozenset({"image"}), now=call.world.now()):
        raise ApiError(40007)
