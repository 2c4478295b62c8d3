"""The control API under /sim: build a corp, act as people do, break things, and look at the result. JSON both ways."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from simulator import configuration, envelopes, inspection
from simulator.acting import ImpossibleError
from simulator.actions import act
from simulator.activity import Activity
from simulator.callback_pool import verification
from simulator.demo import make_demo
from simulator.events import Event
from simulator.families import LOOKS
from simulator.families import SETTINGS as FAMILY_SETTINGS
from simulator.official_account import control as official_account
from simulator.platform_settings import PlatformSettings
from simulator.population import populate
from simulator.records import Corp
from simulator.suites.routes import suite_routes
from simulator.world import World

Body = dict[str, Any]
KINDS = {**FAMILY_SETTINGS, **official_account.SETTINGS, "platform": PlatformSettings}


class NoSuchCorpError(Exception):
    """The corp in the path was never created, or a reset removed it."""


def reply(found: Any, *, status: int = 200) -> Response:
    return Response(orjson.dumps(found), status=status, mimetype="application/json")


def asked() -> Any:
    """The request's JSON, {} when there is none; ValueError when it is not JSON."""
    return orjson.loads(request.get_data() or b"{}")


def create_control(world: World, activity: Activity) -> Blueprint:
    """All routes. 400 says what is wrong with a request, 404 unknown corp, 409 an action that the state forbids."""
    routes = Blueprint("control", __name__)

    def corp_of(corp_id: str) -> Corp:
        if corp_id not in world.corps:
            raise NoSuchCorpError(corp_id)
        return world.corps[corp_id]

    routes.register_error_handler(NoSuchCorpError, lambda error: reply({"error": f"no such corp: {error}"}, status=404))
    routes.register_error_handler(ImpossibleError, lambda error: reply({"error": str(error)}, status=409))
    for missing in (KeyError, IndexError):
        routes.register_error_handler(missing, lambda error: reply({"error": f"missing: {error}"}, status=400))
    for wrong in (ValueError, TypeError, AttributeError):
        routes.register_error_handler(wrong, lambda error: reply({"error": str(error)}, status=400))
    routes.register_error_handler(HTTPException, lambda error: reply({"error": error.name}, status=error.code or 500))
    _building(routes, world, corp_of)
    _acting(routes, world, activity, corp_of)
    _pushing(routes, world, corp_of)
    _looking(routes, world, corp_of)
    _breaking(routes, world)
    _tuning(routes, world)
    _turning(routes, world, activity)
    suite_routes(routes, world, reply=reply, asked=asked)
    official_account.account_routes(routes, world, reply=reply, asked=asked)
    return routes


def _building(routes: Blueprint, world: World, corp_of: Callable[[str], Corp]) -> None:
    @routes.post("/sim/demo")
    def demo() -> Response:
        """A small shop, to have something to look at."""
        return reply(make_demo(world))

    @routes.post("/sim/corps")
    def put_corp() -> Response:
        corp = configuration.put_corp(world, asked())
        return reply(inspection.corp_summary(world, corp))

    @routes.get("/sim/corps/<corp_id>")
    def get_corp(corp_id: str) -> Response:
        return reply(inspection.corp_summary(world, corp_of(corp_id)))

    @routes.post("/sim/corps/<corp_id>/members")
    def put_members(corp_id: str) -> Response:
        return reply({"count": configuration.put_members(world, corp_of(corp_id), asked())})

    @routes.post("/sim/corps/<corp_id>/departments")
    def put_departments(corp_id: str) -> Response:
        return reply({"count": configuration.put_departments(world, corp_of(corp_id), asked())})

    @routes.post("/sim/corps/<corp_id>/tags")
    def put_tags(corp_id: str) -> Response:
        return reply({"count": configuration.put_tags(world, corp_of(corp_id), asked())})

    @routes.post("/sim/corps/<corp_id>/customers/bulk")
    def bulk(corp_id: str) -> Response:
        order: Body = asked()
        with_ids = order.pop("ids", False)
        made = populate(world, corp_of(corp_id), order.pop("userids"), **order)
        return reply({"count": len(made), **({"external_userid": made} if with_ids else {})})


def _acting(routes: Blueprint, world: World, activity: Activity, corp_of: Callable[[str], Corp]) -> None:
    @routes.post("/sim/corps/<corp_id>/act")
    def do(corp_id: str) -> Response:
        corp, order = corp_of(corp_id), asked()
        if isinstance(order, dict):
            return reply(act(world, corp, order))
        results: list[Body] = []
        for item in order:
            try:
                results.append(act(world, corp, item))
            except ImpossibleError as error:
                return reply({"error": str(error), "index": len(results), "results": results}, status=409)
        return reply(results)

    @routes.post("/sim/corps/<corp_id>/activity")
    def live(corp_id: str) -> Response:
        activity.set_rate(corp_of(corp_id).corp_id, float(asked()["per_minute"]))
        return reply({"per_minute": activity.rate(corp_id)})


def _pushing(routes: Blueprint, world: World, corp_of: Callable[[str], Corp]) -> None:
    @routes.post("/sim/corps/<corp_id>/emit")
    def emit(corp_id: str) -> Response:
        """Send a callback of any type without changing anything."""
        corp, order = corp_of(corp_id), asked()
        event = Event(
            corp_id,
            order["event"],
            order["change_type"],
            int(order.get("at") or world.now()),
            tuple((str(tag), str(value)) for tag, value in order.get("fields", {}).items()),
        )
        world.emit(corp, event, copies=order.get("callbacks"))
        return reply({"create_time": event.create_time})

    @routes.post("/sim/corps/<corp_id>/send_raw")
    def send_raw(corp_id: str) -> Response:
        corp, order = corp_of(corp_id), asked()
        receiver = corp.receivers[int(order.get("receiver", 0))]
        began = time.monotonic()
        when = envelopes.stamp(timestamp=str(order.get("timestamp", "")), nonce=str(order.get("nonce", "")))
        answer = world.callbacks.post(receiver, order["plaintext"], when=when)
        return reply({"status": answer.status, "body": answer.body, "seconds": round(time.monotonic() - began, 4)})

    @routes.post("/sim/corps/<corp_id>/verify_receiver")
    def verify_receiver(corp_id: str) -> Response:
        """What the console does when an address is saved."""
        order = asked()
        receiver = corp_of(corp_id).receivers[int(order.get("receiver", 0))]
        return reply(verification(world.callbacks, receiver, receiveid=str(order.get("receiveid", ""))))


def _looking(routes: Blueprint, world: World, corp_of: Callable[[str], Corp]) -> None:
    @routes.get("/healthz")
    def healthz() -> Response:
        return reply({"ok": True})

    @routes.get("/sim/corps/<corp_id>/pairs")
    def pairs(corp_id: str) -> Response:
        return reply(inspection.pairs(world, corp_of(corp_id), userid=request.args.get("userid", "")))

    @routes.get("/sim/corps/<corp_id>/messages")
    def messages(corp_id: str) -> Response:
        return reply(inspection.messages(world, corp_of(corp_id), userid=request.args.get("userid", "")))

    @routes.get("/sim/corps/<corp_id>/look/<name>")
    def look(corp_id: str, name: str) -> Response:
        if name not in LOOKS:
            raise ValueError(f"look at one of {', '.join(sorted(LOOKS))}")
        with world.lock:
            return reply(LOOKS[name](world, corp_of(corp_id)))

    @routes.get("/sim/calls")
    def calls() -> Response:
        return reply(inspection.calls(world))

    @routes.get("/sim/calls/rate")
    def call_rates() -> Response:
        """Calls per second of the last seconds, by both clocks."""
        args = request.args
        return reply(
            world.rates.report(
                simulated_now=world.now(),
                last_s=int(args.get("seconds", 60)),
                path=args.get("path", ""),
                corp_id=args.get("corp_id", ""),
            )
        )

    @routes.get("/sim/callbacks")
    def callbacks() -> Response:
        return reply(world.callbacks.report())

    @routes.post("/sim/callbacks/flush")
    def flush() -> Response:
        flushed = world.callbacks.flush(timeout_s=float(asked().get("timeout_s", 30)))
        return reply({"flushed": flushed, **world.callbacks.report()})


def _breaking(routes: Blueprint, world: World) -> None:
    @routes.post("/sim/faults")
    def put_faults() -> Response:
        order = asked()
        with world.lock:
            for change in order if isinstance(order, list) else [order]:
                world.faults.apply(change, now=world.now())
        return reply(world.faults.shown())

    @routes.get("/sim/faults")
    def faults() -> Response:
        return reply(world.faults.shown())

    @routes.post("/sim/limits")
    def limits() -> Response:
        """Set what is named; counts and blocks start anew."""
        with world.lock:
            world.limiter.change(asked())
        return reply(asdict(world.limiter.limits))


def _tuning(routes: Blueprint, world: World) -> None:
    """The numbers that WeCom does not publish, by family: {"transfers": {"agree_after_s": 60}}."""

    def shown() -> Body:
        return {name: asdict(world.settings(kind)) for name, kind in KINDS.items()}

    @routes.get("/sim/settings")
    def get_settings() -> Response:
        return reply(shown())

    @routes.post("/sim/settings")
    def put_settings() -> Response:
        with world.lock:
            for name, values in asked().items():
                if name not in KINDS:
                    raise ValueError(f"unknown family {name}: one of {', '.join(sorted(KINDS))}")
                world.tune(KINDS[name], values)
        return reply(shown())


def _turning(routes: Blueprint, world: World, activity: Activity) -> None:
    @routes.post("/sim/clock")
    def clock() -> Response:
        order = asked()
        with world.lock:
            world.offset_s = float(order.get("offset_s", world.offset_s)) + float(order.get("advance_s", 0))
            world.run_due()
        return reply({"now": world.now(), "offset_s": world.offset_s})

    @routes.get("/sim/clock")
    def get_clock() -> Response:
        return reply({"now": world.now(), "offset_s": world.offset_s})

    @routes.post("/sim/tokens/revoke")
    def revoke() -> Response:
        order = asked()
        with world.lock:
            named = {key: str(order.get(key, "")) for key in ("corp_id", "secret", "token")}
            expired = bool(order.get("expired", False))
            return reply({"revoked": world.tokens.revoke(**named, expired=expired, now=world.now())})

    @routes.post("/sim/reset")
    def reset() -> Response:
        activity.stop()
        world.reset()
        return reply({"ok": True})
