"""What administrators of a corp do with a suite; the suite's own address hears of it, not the corp's receivers.

Source: WeCom server API, suite callbacks (pages 90642, 97175).
"""

from dataclasses import replace

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.records import Corp
from simulator.suites.book import AUTH_CODE_LIFE_S, AuthCode, Installation, Suite, SuiteBook, new_code
from simulator.suites.pushing import tell
from simulator.world import World

AGENT_ID = 1_000_100


def _suite(world: World, order: Order) -> Suite:
    suite = world.book(SuiteBook).suites.get(str(order.get("suite_id", "")))
    if suite is None:
        raise ImpossibleError(f"no such suite: {order.get('suite_id', '')}")
    return suite


def _installation(suite: Suite, corp: Corp) -> Installation:
    found = suite.installations.get(corp.corp_id)
    if found is None:
        raise ImpossibleError(f"{suite.suite_id} is not installed")
    return found


def _new_auth_code(world: World, suite: Suite, installation: Installation) -> str:
    code = new_code("AC_", 96)
    suite.auth_codes[code] = AuthCode(installation, world.now() + AUTH_CODE_LIFE_S)
    return code


def _visible(order: Order) -> frozenset[str] | None:
    return None if order.get("visible") is None else frozenset(order["visible"])


def install_suite(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """`from_market` (default) tells it by create_auth; otherwise only the redirect has the code, as here the answer."""
    suite = _suite(world, order)
    if corp.corp_id in suite.installations:
        raise ImpossibleError(f"{suite.suite_id} is installed")
    agent_id, state = int(order.get("agent_id", AGENT_ID)), str(order.get("state", ""))
    installation = Installation(corp.corp_id, agent_id, visible=_visible(order), state=state)
    suite.installations[corp.corp_id] = installation
    code = _new_auth_code(world, suite, installation)
    if order.get("from_market", True):
        tell(world, suite, "create_auth", at=at, first=(("AuthCode", code),), then=(("State", state),))
    return Outcome({"auth_code": code, "expires_in": AUTH_CODE_LIFE_S})


def change_suite(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Change the visible range, or disable and enable the app: change_auth."""
    suite = _suite(world, order)
    installation = _installation(suite, corp)
    if "visible" in order:
        installation.visible = _visible(order)
    app = corp.apps.get(installation.permanent_code)
    if app is not None:
        disabled = bool(order.get("disabled", app.disabled))
        corp.apps[app.secret] = replace(app, visible=installation.visible, disabled=disabled)
    then = (("AuthCorpId", corp.corp_id), ("State", installation.state))
    tell(world, suite, "change_auth", at=at, then=then)
    return Outcome()


def uninstall_suite(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """The corp's tokens of the suite die with it: cancel_auth."""
    suite = _suite(world, order)
    installation = _installation(suite, corp)
    retire(suite, corp, installation.permanent_code)
    del suite.installations[corp.corp_id]
    suite.auth_codes = {key: item for key, item in suite.auth_codes.items() if item.installation is not installation}
    tell(world, suite, "cancel_auth", at=at, then=(("AuthCorpId", corp.corp_id),))
    return Outcome()


def reset_permanent_code(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """The administrator asks for a delegated app's secret again; the old one dies when the new code is exchanged."""
    suite = _suite(world, order)
    if not suite.delegated:
        raise ImpossibleError(f"{suite.suite_id} is not a delegated app")
    code = _new_auth_code(world, suite, _installation(suite, corp))
    tell(world, suite, "reset_permanent_code", at=at, first=(("AuthCode", code),))
    return Outcome({"auth_code": code})


def retire(suite: Suite, corp: Corp, permanent_code: str) -> None:
    """End a permanent code, with its tokens and its share of the corp's callbacks."""
    if permanent_code:
        suite.cancelled.add(permanent_code)
        corp.apps.pop(permanent_code, None)
        corp.receivers = [item for item in corp.receivers if item.app != permanent_code]


ACTS = {
    "install_suite": install_suite,
    "change_suite": change_suite,
    "uninstall_suite": uninstall_suite,
    "reset_permanent_code": reset_permanent_code,
}
