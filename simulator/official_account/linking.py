"""From a follower to a customer: unionid to external_userid, for third-party and delegated apps. WeCom's side.

Source: WeCom server API, unionid and external_userid (pages 93274, 95878 and 97108). A self-built app has no such call.
"""

import secrets
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.customers.reading import followers
from simulator.customers.subjects import inward, outward
from simulator.errors import ApiError
from simulator.limits import Span
from simulator.official_account.book import Accounts
from simulator.official_account.settings import OfficialSettings
from simulator.records import Corp
from simulator.suites.book import SuiteBook

PENDING_S = 90 * 86400
BATCH = 100
NO_SUCH_OPENID, NOT_TOGETHER, NO_UNIONID = 845001, 610018, 610014
PROVIDER_A_DAY, PROVIDER_AN_HOUR = 240_000, 50_000


@dataclass
class Unionids:
    """The customers of a corp by unionid; it catches up when it is asked."""

    known: dict[str, str] = field(default_factory=dict)
    seen: int = 0

    def find(self, corp: Corp, unionid: str) -> str:
        for customer in islice(corp.customers.values(), self.seen, None):
            if customer.unionid:
                self.known[customer.unionid] = customer.external_userid
        self.seen = len(corp.customers)
        return self.known.get(unionid, "")


@dataclass
class PendingIds:
    """unionid -> (id, until), until the person becomes a customer."""

    by_unionid: dict[str, tuple[str, float]] = field(default_factory=dict)


def _asked(call: Call) -> str:
    """The unionid, when it belongs with the openid of an official account."""
    body = call.json()
    openid, unionid = body.get("openid"), body.get("unionid")
    if not openid:
        raise ApiError(40063, detail="openid")
    if not isinstance(unionid, str) or not unionid:
        raise ApiError(NO_UNIONID)
    for account in call.world.book(Accounts).by_appid.values():
        follower = account.followers.get(openid)
        if follower is not None:
            if follower.unionid != unionid:
                raise ApiError(NOT_TOGETHER)
            return unionid
    raise ApiError(NO_SUCH_OPENID)


def _found(call: Call, unionid: str) -> str:
    """The caller's id of the customer; "" when no follower of theirs is in the caller's scope."""
    external_userid = call.book(Unionids).find(call.corp, unionid)
    if not external_userid or not followers(call, call.corp.customers[external_userid]):
        return ""
    return outward(call, external_userid)


def to_external_userid(call: Call) -> dict[str, Any]:
    found = _found(call, _asked(call))
    if not found:
        raise ApiError(84061)
    return {"external_userid": found}


def to_external_or_pending(call: Call) -> dict[str, Any]:
    """Somebody who is no customer yet gets an id that is good for 90 days."""
    numbers = call.settings(OfficialSettings)
    spans: tuple[tuple[Span, int], ...] = (
        ("month", numbers.conversions_per_month),
        ("day", numbers.conversions_per_day),
        ("hour", numbers.conversions_per_hour),
    )
    for window, limit in spans:
        call.take("unionid_to_external_userid", limit=limit, window=window)
    unionid = _asked(call)
    found = _found(call, unionid)
    if found:
        return {"external_userid": found}
    now, pending = call.world.now(), call.book(PendingIds).by_unionid
    known, until = pending.get(unionid, ("", 0.0))
    if until <= now:
        known = f"p{secrets.token_urlsafe(24)}"
        pending[unionid] = (known, now + PENDING_S)
    return {"pending_id": known}


def to_pending(call: Call) -> dict[str, Any]:
    """For customers who were asked for before they became customers; the others are left out."""
    told = call.json().get("external_userid")
    if not isinstance(told, list) or not 1 <= len(told) <= BATCH:
        raise ApiError(40063 if not told else 40032)
    now, pending, rows = call.world.now(), call.book(PendingIds).by_unionid, []
    for external_userid in told:
        customer = call.corp.customers.get(inward(call.corp, call.app, str(external_userid)))
        known, until = pending.get(customer.unionid if customer else "", ("", 0.0))
        if until > now:
            rows.append({"external_userid": external_userid, "pending_id": known})
    return {"result": rows}


def for_provider(call: Call) -> dict[str, Any]:
    """In all corps that installed the suite, or in the one named."""
    world, now = call.world, call.world.now()
    suite = world.book(SuiteBook).suite_of(call.query.get("suite_access_token", ""), now=now)
    spans: tuple[tuple[Span, int], ...] = (("day", PROVIDER_A_DAY), ("hour", PROVIDER_AN_HOUR))
    for window, limit in spans:
        if not world.limiter.take(("3rd", suite.suite_id), limit, window=window, now=now):
            raise ApiError(45009)
    unionid, only, rows = _asked(call), call.json().get("corpid"), []
    for corp_id in suite.installations:
        corp = world.corps[corp_id]
        app = next((item for item in corp.apps.values() if item.suite_id == suite.suite_id), None)
        if app is None or only not in (None, "", corp_id):
            continue
        found = _found(Call(world, corp, app, call.query, call.body), unionid)
        if found:
            rows.append({"corpid": corp_id, "external_userid": found})
    return {"external_userid_info": rows}


PROVIDERS = frozenset({"suite"})
ENDPOINTS = {
    "externalcontact/unionid_to_external_userid": Endpoint(
        "POST", to_external_userid, customer_contact=True, only=PROVIDERS
    ),
    "idconvert/unionid_to_external_userid": Endpoint(
        "POST", to_external_or_pending, customer_contact=True, only=PROVIDERS
    ),
    "idconvert/batch/external_userid_to_pending_id": Endpoint(
        "POST", to_pending, empty={"result": []}, customer_contact=True, only=PROVIDERS
    ),
    "service/externalcontact/unionid_to_external_userid_3rd": Endpoint(
        "POST", for_provider, empty={"external_userid_info": []}, open=True
    ),
}
