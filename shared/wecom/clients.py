"""The clients of a process: one per tenant and app, made at first use."""

import threading

from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.client import WeComClient, make_client
from shared.wecom.wire import Wire

CONTACT = "contact"
"""The app that reads customer contact and sends the messages; the name in the corp's file."""
DIRECTORY = "directory"
"""The secret of contact sync, which alone may list all members; optional in the corp's file."""


class Clients:
    def __init__(self, runtime: Runtime, *, connections: int) -> None:
        self._runtime = runtime
        self._wire = Wire(runtime.settings, engine=runtime.engine, clock=runtime.clock, connections=connections)
        self._made: dict[tuple[TenantId, str], WeComClient] = {}
        self._lock = threading.Lock()

    def of(self, tenant: Tenant, *, app: str = CONTACT) -> WeComClient:
        with self._lock:
            key = (tenant.id, app)
            if key not in self._made:
                self._made[key] = make_client(
                    self._wire,
                    engine=self._runtime.engine,
                    clock=self._runtime.clock,
                    tenant=tenant,
                    app=app,
                )
            return self._made[key]
