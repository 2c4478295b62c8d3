"""Who may call what: kinds of secrets, disabled apps, trusted addresses, frozen corps.

Source: WeCom server API, access_token (page 91039), customer contact (pages 92113 and 96348), members (pages 96067 and
96255), global error codes (page 90313). Codes that no page ties to a rule are said where they are raised.
"""

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError

AGENTS = frozenset({"app", "suite"})
"""Secrets that speak for an app with an agent id: they can send messages and fetch tickets for pages."""
FOR_AGENTS = ("message/", "appchat/", "get_jsapi_ticket", "ticket/get")
CUSTOMER_KINDS = frozenset({"app", "suite", "system"})


def check_caller(call: Call, *, address: str) -> None:
    """The app as such: ApiError 50003 when it is disabled, 60020 when the address is not trusted."""
    if call.app.disabled:
        raise ApiError(50003)
    if call.app.trusted_ips is not None and address not in call.app.trusted_ips:
        raise ApiError(60020)


def check_right(call: Call, endpoint: Endpoint, *, path: str, address: str) -> None:
    """The app for this API: ApiError 48002, 48009, or the endpoint's own code."""
    app, corp = call.app, call.corp
    # WeCom does not say how the system secrets of corps made since 2023-12-01 are refused.
    if app.kind == "system" and corp.made_since_2023_12:
        raise ApiError(48002)
    if endpoint.only is not None and app.kind not in endpoint.only:
        raise ApiError(endpoint.unless)
    if endpoint.only is None and path.startswith(FOR_AGENTS) and app.kind not in AGENTS:
        raise ApiError(48002)
    if endpoint.customer_contact:
        if app.kind not in CUSTOMER_KINDS or not app.customer_contact:
            raise ApiError(48002)
        if corp.frozen:
            raise ApiError(corp.frozen)
    if endpoint.details and app.kind == "directory" and app.new_ips & {address, "*"}:
        raise ApiError(48009)
