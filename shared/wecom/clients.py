"""The clients of a process: one per tenant and app, made at first use."""

import threading

from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.client import WeComClient, make_client
from shared.wecom.transport import make_http

CONTACT = "contact"
"""The app that reads customer contact and sends the messages; the name in the corp's file."""


class Clients:
    def __init__(self, runtime: Runtime, *, connections: int) -> None:
        self._runtime = runtime
        self._http = make_http(connections=connections)
        self._made: dict[tuple[TenantId, str], WeComClient] = {}
        self._lock = threading.Lock()

    def of(self, tenant: Tenant, *, app: str = CONTACT) -> WeComClient:
        with self._lock:
            key = (tenant.id, app)
            if key not in self._made:
                self._made[key] = make_client(
                    self._runtime.settings,
                    http=self._http,
                    engine=self._runtime.engine,
                    clock=self._runtime.clock,
                    tenant=tenant,
                    app=app,
                )
            return self._made[key]
