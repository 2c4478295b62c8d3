"""The provider's console: /sim/suites makes a suite and shows it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from simulator import configuration
from simulator.suites.book import Suite, SuiteBook
from simulator.suites.pushing import keep_pushing, push_ticket
from simulator.world import World


def suite_routes(routes: Blueprint, world: World, *, reply: Callable[..., Response], asked: Callable[[], Any]) -> None:
    def suite_of(suite_id: str) -> Suite:
        return world.book(SuiteBook).suites[suite_id]

    @routes.post("/sim/suites")
    def make() -> Response:
        """`{suite_id, secret, name?, delegated?, customer_contact?, receiver?, provider?: {corp_id, secret}}`."""
        order = asked()
        with world.lock:
            suite = _made(order)
            book = world.book(SuiteBook)
            book.suites[suite.suite_id] = suite
            if "provider" in order:
                book.providers[str(order["provider"]["corp_id"])] = str(order["provider"]["secret"])
            keep_pushing(world, suite, at=world.now())
            world.run_due()
            return reply(_shown(suite))

    @routes.get("/sim/suites/<suite_id>")
    def show(suite_id: str) -> Response:
        with world.lock:
            world.run_due()
            return reply(_shown(suite_of(suite_id)))

    @routes.post("/sim/suites/<suite_id>/ticket")
    def ticket(suite_id: str) -> Response:
        """Push a ticket now, as the console's button does."""
        with world.lock:
            return reply({"suite_ticket": push_ticket(world, suite_of(suite_id), at=world.now())})


def _made(order: dict[str, Any]) -> Suite:
    suite_id, told = str(order["suite_id"]), order.get("receiver")
    style = {"style": "suite", "receiveid": suite_id}
    return Suite(
        suite_id,
        str(order["secret"]),
        name=str(order.get("name", suite_id)),
        delegated=bool(order.get("delegated", False)),
        customer_contact=bool(order.get("customer_contact", True)),
        receiver=configuration.receiver({**told, **style}) if told else None,
    )


def _shown(suite: Suite) -> dict[str, Any]:
    return {
        "suite_id": suite.suite_id,
        "name": suite.name,
        "delegated": suite.delegated,
        "tickets": [ticket for ticket, _ in suite.tickets],
        "installations": [
            {**asdict(item), "visible": None if item.visible is None else sorted(item.visible)}
            for item in suite.installations.values()
        ],
    }
