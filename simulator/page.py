"""The page at /: look at the simulated WeCom and act in it with plain forms."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from simulator import inspection
from simulator.actions import act
from simulator.activity import Activity
from simulator.demo import make_demo
from simulator.forms import order_of
from simulator.official_account.acts import ACTS as ACCOUNT_ACTS
from simulator.official_account.book import Accounts
from simulator.official_account.control import follower_rows, summary
from simulator.page_views import FEW, clock_text, corp_view, world_view
from simulator.world import World

KEPT = ("corp", "who", "whom")
"""What an address of the page says, and what its forms give back."""
Doing = Callable[[], str]


def create_page(world: World, activity: Activity) -> Blueprint:
    routes = Blueprint("page", __name__, template_folder="templates")
    _showing(routes, world, activity)
    _doing(routes, world, activity)
    return routes


def _showing(routes: Blueprint, world: World, activity: Activity) -> None:
    @routes.get("/")
    def show() -> str:
        kept = {name: request.args.get(name, "") for name in KEPT}
        corp = world.corps.get(kept["corp"]) or next(iter(list(world.corps.values())), None)
        known = inspection.corp_summary(world, corp) if corp else {}
        with world.lock:
            world.run_due()
            seen = corp_view(world, corp, activity, whom=kept["whom"], who=kept["who"]) if corp else {}
            return render_template(
                "page.html",
                corp={**known, **seen},
                corps=list(world.corps.values()),
                kept={**kept, "corp": corp.corp_id if corp else ""},
                accounts=_accounts(world),
                said=request.args.get("said", ""),
                **world_view(world),
            )


def _accounts(world: World) -> list[dict[str, Any]]:
    rows = []
    for account in world.book(Accounts).by_appid.values():
        sent = [{**vars(item), "time": clock_text(item.at)} for item in account.sent[-FEW:][::-1]]
        rows.append({**summary(account), "people": follower_rows(account, most=FEW), "latest": sent})
    return rows


def _doing(routes: Blueprint, world: World, activity: Activity) -> None:
    @routes.post("/corps/<corp_id>/act")
    def do(corp_id: str) -> Redirect | Response:
        corp = world.corps.get(corp_id)
        if corp is None:
            return Response("no such corp", status=404)
        return _back(lambda: _told(act(world, corp, order_of(_filled()))), corp_id=corp_id)

    @routes.post("/corps/<corp_id>/activity")
    def live(corp_id: str) -> Redirect:
        activity.set_rate(corp_id, float(request.form.get("per_minute") or 0))
        return _back(lambda: "activity", corp_id=corp_id)

    @routes.post("/accounts/<appid>/act")
    def account_do(appid: str) -> Redirect | Response:
        account = world.book(Accounts).by_appid.get(appid)
        order = order_of(_filled())
        run = ACCOUNT_ACTS.get(order.get("do", ""))
        if account is None or run is None:
            return Response("no such account or action", status=404)

        def doing() -> str:
            with world.lock:
                return _told({"do": order["do"], **run(world, account, order, int(world.now()))})

        return _back(doing)

    @routes.post("/clock")
    def clock() -> Redirect:
        with world.lock:
            world.offset_s += float(request.form.get("advance_s") or 0)
            world.run_due()
        return _back(lambda: clock_text(world.now()))

    @routes.post("/faults")
    def faults() -> Redirect:
        """One fault, in the words of the control API; a field with a number in it is one."""
        told = {key: _number(value) for key, value in _filled().items() if value}

        def doing() -> str:
            with world.lock:
                world.faults.apply(told, now=world.now())
            return "faults"

        return _back(doing)

    @routes.post("/demo")
    def demo() -> Redirect:
        return _back(lambda: f"corp {make_demo(world)['corp_id']}")


def _filled() -> dict[str, str]:
    return {key: value for key, value in request.form.items() if not key.startswith("_")}


def _number(value: str) -> Any:
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        return value


def _told(done: dict[str, Any]) -> str:
    return " ".join(str(value) for key, value in done.items() if key != "create_time" and value)


def _back(doing: Doing, *, corp_id: str = "") -> Redirect:
    """Do it and show the page again, with the same searches, and what was said."""
    try:
        said = doing()
    except (ValueError, KeyError) as error:
        said = f"✗ {error}"
    kept = {name: request.form.get(f"_{name}", "") for name in KEPT}
    kept["corp"] = corp_id or kept["corp"]
    query = {name: value for name, value in kept.items() if value} | {"said": said}
    return redirect(f"/?{urlencode(query)}", code=303)
