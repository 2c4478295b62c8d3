"""What a suite's command address is told: tickets, and what administrators do with the suite.

Source: WeCom server API, suite callbacks (pages 90628, 90642, 97175). Any answer but `success` is followed by retries.
"""

from collections.abc import Callable

from simulator.events import Fields, element
from simulator.suites.book import TICKET_EVERY_S, TICKET_LIFE_S, Suite, SuiteBook, new_code
from simulator.world import World


def tell(world: World, suite: Suite, kind: str, *, at: int, first: Fields = (), then: Fields = ()) -> None:
    """Push one event; `first` stands before InfoType, `then` after TimeStamp."""
    if suite.receiver is None:
        return
    name = element("InfoType", kind)
    if kind == "suite_ticket":
        # The published sample has a blank here; a reader has to strip it.
        name = name.replace("<InfoType>", "<InfoType> ")
    before = "".join(element(tag, value) for tag, value in first)
    after = "".join(element(tag, value) for tag, value in then if value)
    text = f"<xml>{element('SuiteId', suite.suite_id)}{before}{name}<TimeStamp>{at}</TimeStamp>{after}</xml>"
    world.push(text, suite.receiver)


def push_ticket(world: World, suite: Suite, *, at: float) -> str:
    """Make a ticket and push it; earlier ones stay good for their half hour."""
    ticket = new_code("ST_")
    suite.tickets = [item for item in suite.tickets if at < item[1] + TICKET_LIFE_S] + [(ticket, at)]
    tell(world, suite, "suite_ticket", at=int(at), then=(("SuiteTicket", ticket),))
    return ticket


def keep_pushing(world: World, suite: Suite, *, at: float) -> None:
    """Push a ticket every ten minutes from `at` on, as long as the suite is there."""
    world.later(at, _ticket_due(world, suite))


def _ticket_due(world: World, suite: Suite) -> Callable[[int], None]:
    def do(at: int) -> None:
        if world.book(SuiteBook).suites.get(suite.suite_id) is not suite:
            return
        # After a long move of the clock the tickets that nobody could use any more are left out.
        missed = max(0, int((world.now() - TICKET_LIFE_S - at) // TICKET_EVERY_S))
        at += missed * TICKET_EVERY_S
        push_ticket(world, suite, at=at)
        keep_pushing(world, suite, at=at + TICKET_EVERY_S)

    return do
