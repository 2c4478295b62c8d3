"""Who asks: a corp's own apps share one id for a customer, each service provider has another, and sees less.

Source: WeCom server API, customer contact (page 92109), id conversion (page 95884).
"""

import base64
import hashlib

from simulator.api.calls import Call
from simulator.customers.book import CustomerBook
from simulator.errors import ApiError
from simulator.records import App, Corp, Customer

PROVIDER = "suite"
ID_BYTES = 18


def is_provider(app: App) -> bool:
    return app.kind == PROVIDER


def _subject(app: App) -> str:
    return app.suite_id or app.secret


def outward(call: Call, external_userid: str) -> str:
    """The caller's id of a customer, which a provider may name from now on. Anything else stays what it is."""
    if not is_provider(call.app) or external_userid not in call.corp.customers:
        return external_userid
    subject = _subject(call.app)
    told = hashlib.blake2b(external_userid.encode(), key=subject.encode()[:64], digest_size=ID_BYTES).digest()
    foreign = f"{external_userid[:2]}SimSvcA{base64.urlsafe_b64encode(told).decode()}"
    call.book(CustomerBook).foreign.setdefault(subject, {})[foreign] = external_userid
    return foreign


def inward(corp: Corp, app: App, external_userid: str) -> str:
    """Our id for the caller's; "" for one that the caller was never told."""
    if not is_provider(app):
        return external_userid
    return corp.book(CustomerBook).foreign.get(_subject(app), {}).get(external_userid, "")


def customer_of(call: Call, external_userid: object) -> Customer:
    """ApiError 41035 when not named, 40096 when it is nobody's id or another subject's."""
    if not external_userid:
        raise ApiError(41035)
    if not isinstance(external_userid, str):
        raise ApiError(40058, detail="external_userid")
    customer = call.corp.customers.get(inward(call.corp, call.app, external_userid))
    if customer is None:
        raise ApiError(40096)
    return customer
