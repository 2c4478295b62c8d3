"""The two pages that a browser is sent to: here one chooses who one is, and comes back with a code.

Source: WeCom server API, login (pages 96441 and 98171).
"""

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from simulator.actions import act
from simulator.world import World

IN_APP, ON_WEB = "/connect/oauth2/authorize", "/wwlogin/sso/login"
MOST = 200


def create_login_pages(world: World) -> Blueprint:
    routes = Blueprint("login", __name__, template_folder="../templates")

    @routes.get(IN_APP)
    @routes.get(ON_WEB)
    def choose() -> str | Response:
        corp = world.corps.get(request.args.get("appid", ""))
        if corp is None:
            return Response("no such corp", status=404)
        with world.lock:
            members = [one for one in corp.members.values() if not one.resigned][:MOST]
            return render_template("login.html", members=members, corp_id=corp.corp_id)

    @routes.post(IN_APP)
    @routes.post(ON_WEB)
    def chosen() -> Redirect | Response:
        corp = world.corps.get(request.args.get("appid", ""))
        if corp is None:
            return Response("no such corp", status=404)
        order: dict[str, Any] = {
            "do": "oauth",
            "userid": request.form["userid"],
            "agent_id": int(request.args.get("agentid", "0")),
            "redirect_uri": request.args["redirect_uri"],
            "state": request.args.get("state", ""),
        }
        if request.path == ON_WEB:
            order["web"] = True
        else:
            order["scope"] = request.args.get("scope", "")
        try:
            return redirect(act(world, corp, order)["redirect"], 302)
        except (ValueError, KeyError) as error:
            return Response(str(error), status=409)

    return routes
