"""Tokens of suites, of the corps that installed them, and of providers.

Source: WeCom server API, third-party applications (pages 97162, 90605), global error codes (page 90313).
"""

from dataclasses import replace
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.records import App, Corp
from simulator.suites.acts import retire
from simulator.suites.book import Installation, Suite, SuiteBook, new_code
from simulator.suites.settings import SuiteSettings


def _said(asked: dict[str, Any], key: str, *, missing: int) -> str:
    value = asked.get(key) or ""
    if not isinstance(value, str):
        raise ApiError(40058, detail=key)
    if not value:
        raise ApiError(missing)
    return value


def _caller(call: Call) -> Suite:
    token = call.query.get("suite_access_token", "")
    return call.world.book(SuiteBook).suite_of(token, now=call.world.now())


def get_suite_token(call: Call) -> dict[str, Any]:
    """The same token for two hours, also when a newer ticket is shown."""
    asked, book, now = call.json(), call.world.book(SuiteBook), call.world.now()
    suite = book.suites.get(_said(asked, "suite_id", missing=41021))
    secret = _said(asked, "suite_secret", missing=41024)
    ticket = _said(asked, "suite_ticket", missing=41023)
    if suite is None:
        raise ApiError(40083)
    if secret != suite.secret:
        raise ApiError(40080)
    if not suite.accepts_ticket(ticket, now=now):
        raise ApiError(40085)
    token, expires_in = book.token_of(suite.suite_id, now=now)
    return {"suite_access_token": token, "expires_in": expires_in}


def get_pre_auth_code(call: Call) -> dict[str, Any]:
    suite, life_s = _caller(call), call.settings(SuiteSettings).pre_auth_code_s
    code = new_code("PA_")
    suite.pre_auth_codes[code] = call.world.now() + life_s
    return {"pre_auth_code": code, "expires_in": life_s}


def set_session_info(call: Call) -> dict[str, Any]:
    """`auth_type` is 0 (installation in earnest) or 1 (in a test); nothing here depends on it."""
    suite, asked = _caller(call), call.json()
    until = suite.pre_auth_codes.get(_said(asked, "pre_auth_code", missing=40063))
    if until is None:
        raise ApiError(40077)
    if until <= call.world.now():
        raise ApiError(42007)
    session = asked.get("session_info")
    if not isinstance(session, dict):
        raise ApiError(40063, detail="session_info")
    if session.get("auth_type", 0) not in (0, 1):
        raise ApiError(40058, detail="auth_type")
    return {}


def get_permanent_code(call: Call) -> dict[str, Any]:
    """Exchange the code of an installation, once; a permanent code of before dies."""
    suite = _caller(call)
    found = suite.auth_codes.pop(_said(call.json(), "auth_code", missing=40063), None)
    corp = call.world.corps.get(found.installation.corp_id) if found else None
    if found is None or corp is None or found.until <= call.world.now():
        raise ApiError(40078)
    installation = found.installation
    retire(suite, corp, installation.permanent_code)
    installation.permanent_code = new_code("PC_", 64)
    _take_up(suite, corp, installation)
    return {
        **_corp_token(call, corp, installation.permanent_code),
        "permanent_code": installation.permanent_code,
        "auth_corp_info": {"corpid": corp.corp_id, "corp_name": corp.name, "corp_full_name": corp.name},
        "auth_info": {"agent": [_agent(suite, installation)]},
        "auth_user_info": {},
        "state": installation.state,
    }


def _take_up(suite: Suite, corp: Corp, installation: Installation) -> None:
    """From now on the suite is one of the corp's apps, and hears its callbacks in the form for suites."""
    code = installation.permanent_code
    corp.apps[code] = App(
        name=suite.name,
        secret=code,
        agent_id=installation.agent_id,
        customer_contact=suite.customer_contact,
        visible=installation.visible,
        kind="suite",
        suite_id=suite.suite_id,
        delegated=suite.delegated,
    )
    if suite.receiver is not None:
        corp.receivers = [*corp.receivers, replace(suite.receiver, app=code)]


def _agent(suite: Suite, installation: Installation) -> dict[str, Any]:
    """`auth_mode` 0: an administrator installed it."""
    return {
        "agentid": installation.agent_id,
        "name": suite.name,
        "auth_mode": 0,
        "is_customized_app": suite.delegated,
        "privilege": {"allow_user": [] if installation.visible is None else sorted(installation.visible)},
    }


def get_corp_token(call: Call) -> dict[str, Any]:
    """The token that then works like an app's."""
    suite, asked = _caller(call), call.json()
    corp = call.world.corps.get(_said(asked, "auth_corpid", missing=41002))
    code = _said(asked, "permanent_code", missing=41025)
    if corp is None:
        raise ApiError(40013)
    if code in suite.cancelled:
        raise ApiError(48004)
    app = corp.apps.get(code)
    if app is None or not app.suite_id:
        raise ApiError(40084)
    if app.suite_id != suite.suite_id:
        raise ApiError(48003)
    return _corp_token(call, corp, code)


def _corp_token(call: Call, corp: Corp, code: str) -> dict[str, Any]:
    token, expires_in = call.world.tokens.issue(corp.corp_id, code, now=call.world.now(), ttl_s=corp.token_ttl_s)
    return {"access_token": token, "expires_in": expires_in}


def get_provider_token(call: Call) -> dict[str, Any]:
    asked, book = call.json(), call.world.book(SuiteBook)
    corp_id = _said(asked, "corpid", missing=41002)
    secret = _said(asked, "provider_secret", missing=41004)
    if corp_id not in book.providers:
        raise ApiError(40013)
    if book.providers[corp_id] != secret:
        raise ApiError(40001)
    token, expires_in = book.token_of(f"provider {corp_id}", now=call.world.now())
    return {"provider_access_token": token, "expires_in": expires_in}


ENDPOINTS = {
    "service/get_suite_token": Endpoint("POST", get_suite_token, open=True, bare=True),
    "service/get_pre_auth_code": Endpoint("GET", get_pre_auth_code, open=True),
    "service/set_session_info": Endpoint("POST", set_session_info, open=True),
    "service/get_permanent_code": Endpoint("POST", get_permanent_code, open=True),
    "service/get_corp_token": Endpoint("POST", get_corp_token, open=True, bare=True),
    "service/get_provider_token": Endpoint("POST", get_provider_token, open=True),
}
