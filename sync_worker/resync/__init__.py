"""Full passes over what a corp has in WeCom: the proof that nothing was lost, and the way back when something was.

One file per resource says how it is cut into blocks, how a page of a block is walked and how the pass ends; steps.py
leases, repeats, gives up and reports. Nothing is ever removed because of what a walk did not show: that takes a read of
its own, and past a threshold a person.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import RetryableError
from shared.runtime import Runtime
from shared.sync_blocks import Block, Cut
from shared.sync_runs import Run
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import CONTACT, Clients


class CircleError(RetryableError):
    """A cursor came a second time: the walk of the block would never end, so it starts over."""

    def __init__(self) -> None:
        super().__init__("a cursor of WeCom's came a second time")


@dataclass(frozen=True)
class Work:
    """What a step of a run works with."""

    runtime: Runtime
    clients: Clients
    tenant: Tenant
    run: Run

    def client(self, app: str = CONTACT) -> WeComClient:
        return self.clients.of(self.tenant, app=app).at(Priority.BACKFILL)


@dataclass(frozen=True)
class Pass:
    """How one resource is walked. Whatever WeCom refuses is raised: steps.py waits, tries again and gives up.

    - `cut` reads what there is to walk, without writing; no cuts, no walk.
    - `walk` reads one page of a block and commits it together with `sync_blocks.save_page`; it returns the block for
      the next page, None at its end.
    - `finish` is called when no block is open, again and again until it answers True. It does one small committed step,
      may cut more blocks, and keeps where it is in the run's phase and cursor.
    """

    resource: str
    cut: Callable[[Work], Sequence[Cut]]
    walk: Callable[[Work, Block], Block | None]
    finish: Callable[[Work], bool]
