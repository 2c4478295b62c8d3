"""From one id of a customer to another.

Source: WeCom server API, id conversion (page 95884).
"""

import base64
import hashlib
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import number, text
from simulator.customers.reading import readable
from simulator.customers.subjects import customer_of, inward, is_provider
from simulator.customers.views import WECHAT
from simulator.errors import ApiError
from simulator.records import App, Corp, Customer


def from_service(call: Call) -> dict[str, Any]:
    """Our id for a provider's: `source_agentid` says which provider's app it comes from.

    A follower must be in the scope of both apps.
    """
    asked = call.json()
    agent_id, told = number(asked, "source_agentid"), text(asked, "external_userid")
    if not told or not agent_id:
        raise ApiError(40063, detail="external_userid or source_agentid")
    source = next((app for app in call.corp.apps.values() if is_provider(app) and app.agent_id == agent_id), None)
    if source is None:
        raise ApiError(40056)
    customer = call.corp.customers.get(inward(call.corp, source, told))
    if customer is None:
        raise ApiError(40096)
    if not all(_followed(call, app, customer) for app in (call.app, source)):
        raise ApiError(84084)
    return {"external_userid": customer.external_userid}


def _followed(call: Call, app: App, customer: Customer) -> bool:
    """Is a follower in service and in the scope of this app?"""
    seen = Call(call.world, call.corp, app, call.query, call.body)
    members = ((pair, call.corp.members[pair.userid.lower()]) for pair in customer.pairs)
    return any(readable(call, pair) and item.serves_customers and seen.sees(item) for pair, item in members)


def to_openid(call: Call) -> dict[str, Any]:
    """Only WeChat users have an openid; a WeCom user's id is of the wrong type."""
    customer = customer_of(call, call.json().get("external_userid"))
    if customer.type != WECHAT:
        raise ApiError(41056)
    if not _followed(call, call.app, customer):
        raise ApiError(84061)
    return {"openid": openid_of(call.corp, customer)}


def openid_of(corp: Corp, customer: Customer) -> str:
    """Always the same for a customer, and nobody else's."""
    told = hashlib.blake2b(customer.external_userid.encode(), key=corp.corp_id.encode()[:64], digest_size=18).digest()
    return "oSim" + base64.urlsafe_b64encode(told).decode()
