"""What service providers get of members without a licence: nothing, and a list of them.

Source: WeCom server API, customers by member (page 92994). Self-built apps use no licences.
"""

from dataclasses import replace
from typing import Any

import orjson

from simulator.api.calls import Call
from simulator.errors import ApiError

LISTS = {"externalcontact/batch/get_by_user": "userid_list"}
"""The APIs that say whom they left out, and the field that names the members."""


def licensed_only(call: Call, path: str) -> tuple[Call, dict[str, Any]]:
    """The call for the members with a licence, and what joins its answer; ApiError 701008 when nobody has one."""
    key = LISTS.get(path)
    if key is None or call.app.kind != "suite":
        return call, {}
    asked = call.json()
    named = asked.get(key)
    if not isinstance(named, list):
        return call, {}
    without = [userid for userid in named if _lacks_licence(call, userid)]
    if not without:
        return call, {}
    if len(without) == len(named):
        raise ApiError(701008)
    asked[key] = [userid for userid in named if userid not in without]
    return replace(call, body=orjson.dumps(asked)), {"fail_info": {"unlicensed_userid_list": without}}


def _lacks_licence(call: Call, userid: Any) -> bool:
    member = call.corp.member(userid) if isinstance(userid, str) else None
    return member is not None and not member.licensed
