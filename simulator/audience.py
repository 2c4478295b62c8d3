"""Who hears of an event: the receivers of a corp, each as its app may.

Source: WeCom server API, customer events (pages 92130 and 96361), address-book events (pages 96302 to 96304).
"""

from simulator.events import Event, told
from simulator.records import App, Corp, Receiver

DIRECTORY = frozenset({"change_contact", "batch_job_result"})
"""Families of the address book; a receiver of style directory (the contact-sync assistant) hears nothing else."""
CUSTOMERS = frozenset(
    {"change_external_contact", "change_external_chat", "change_external_tag", "customer_acquisition"}
)


def audience(corp: Corp, event: Event) -> list[Receiver]:
    return [item for item in corp.receivers if _fits(item, event) and _may_hear(corp, item, event)]


def _fits(receiver: Receiver, event: Event) -> bool:
    """Whether it is told to such a receiver at all; what is said to robots is pushed to their own receiver."""
    if event.brief is not None and not told(event, receiver):
        return False
    if receiver.style == "directory":
        return event.family in DIRECTORY
    return receiver.style == "app" or (receiver.style == "suite" and not event.agent_id)


def _may_hear(corp: Corp, receiver: Receiver, event: Event) -> bool:
    """A receiver of no app hears everything, an app what it has the right to and a member in its scope for."""
    if not receiver.app:
        return True
    app = corp.apps.get(receiver.app)
    if app is None or (event.agent_id and event.agent_id != app.agent_id):
        return False
    if event.family in CUSTOMERS and (app.kind == "directory" or not app.customer_contact):
        return False
    concerned = event.concerned
    return not concerned or any(_in_scope(corp, app, userid) for userid in concerned)


def _in_scope(corp: Corp, app: App, userid: str) -> bool:
    """Whoever left the address book is known by name only."""
    member = corp.member(userid)
    return app.sees(userid) if member is None else corp.in_scope(app, member)
