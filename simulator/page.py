"""The page at /: look at the simulated WeCom and act in it with plain forms."""

from itertools import islice
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from simulator import inspection
from simulator.actions import act
from simulator.activity import Activity
from simulator.records import Corp, Pair
from simulator.world import World

LATEST = 20
MOST_MEMBERS = 50


def create_page(world: World, activity: Activity) -> Blueprint:
    routes = Blueprint("page", __name__, template_folder="templates")

    @routes.get("/")
    def show() -> str:
        with world.lock:
            views = [_view(world, corp, activity) for corp in world.corps.values()]
            return render_template(
                "page.html",
                corps=views,
                calls=inspection.calls(world),
                callbacks=world.callbacks.report(),
                said=request.args.get("said", ""),
            )

    @routes.post("/corps/<corp_id>/act")
    def do(corp_id: str) -> Redirect | Response:
        corp = world.corps.get(corp_id)
        if corp is None:
            return Response("no such corp", status=404)
        filled: dict[str, Any] = {key: value for key, value in request.form.items() if value}
        filled["welcome"] = "welcome" in filled
        try:
            done = act(world, corp, filled)
            said = f"{done['do']} {done.get('external_userid', '')}"
        except ValueError as error:
            said = str(error)
        return redirect(f"/?{urlencode({'said': said})}", code=303)

    return routes


def _view(world: World, corp: Corp, activity: Activity) -> dict[str, Any]:
    members = [
        {
            "userid": member.userid,
            "name": member.name,
            "serves": member.serves_customers,
            "resigned": member.resigned,
            "customers": sum(pair.readable for pair in member.pairs.values()),
            "messages": len(corp.inboxes.get(member.userid, ())),
            "latest": list(islice(reversed(corp.inboxes.get(member.userid, [])), 3)),
        }
        for member in islice(corp.members.values(), MOST_MEMBERS)
    ]
    return {
        **inspection.corp_summary(world, corp),
        "people": members,
        "latest": _latest(corp),
        "per_minute": activity.rate(corp.corp_id),
    }


def _latest(corp: Corp) -> list[Pair]:
    """Pairs touched last, each once."""
    return list(islice(dict.fromkeys(reversed(corp.recent)), LATEST))
