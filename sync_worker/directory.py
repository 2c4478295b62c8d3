"""The tenants and receivers that a worker process knows, loaded at first use and again when one is missing."""

from sqlalchemy import Connection

from shared.ids import ReceiverId, TenantId
from shared.runtime import Runtime
from shared.tenants import Receiver, Tenant, load_receivers, load_tenant


class Directory:
    def __init__(self, runtime: Runtime) -> None:
        self._vault = runtime.vault
        self._tenants: dict[TenantId, Tenant] = {}
        self._receivers: dict[ReceiverId, Receiver] = {}

    def tenant(self, connection: Connection, tenant_id: TenantId) -> Tenant:
        """
        Raises:
            LookupError: no such tenant.
        """
        if tenant_id not in self._tenants:
            found = load_tenant(connection, self._vault, tenant_id)
            if found is None:
                raise LookupError(f"no tenant {tenant_id}")
            self._tenants[tenant_id] = found
        return self._tenants[tenant_id]

    def receiver(self, connection: Connection, receiver_id: ReceiverId) -> Receiver | None:
        if receiver_id not in self._receivers:
            self._receivers = {one.id: one for one in load_receivers(connection, self._vault)}
        return self._receivers.get(receiver_id)
