"""The tenants and receivers that a process knows: loaded at first use, again when one is missing, and every minute."""

from collections.abc import Iterable

import structlog
from sqlalchemy import Connection

from shared.clock import monotonic
from shared.ids import ReceiverId, TenantId
from shared.tenants import Receiver, Tenant, load_receivers, load_tenant
from shared.vault import Vault, VaultError

FRESH_S = 60.0

log = structlog.get_logger()


class Directory:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._tenants: dict[TenantId, Tenant] = {}
        self._receivers: dict[ReceiverId, Receiver] = {}
        self._since = monotonic()

    def tenant(self, connection: Connection, tenant_id: TenantId) -> Tenant:
        """
        Raises:
            LookupError: no such tenant.
        """
        self._forget_the_old()
        found = self._tenants.get(tenant_id)  # another thread may forget it any moment
        if found is None:
            found = load_tenant(connection, self._vault, tenant_id)
            if found is None:
                raise LookupError(f"no tenant {tenant_id}")
            self._tenants[tenant_id] = found
        return found

    def usable(self, connection: Connection, tenant_ids: Iterable[TenantId]) -> dict[TenantId, Tenant]:
        """Those that can be opened; one that is gone, or made with another secret key, holds up no other."""
        found = {}
        for tenant_id in tenant_ids:
            try:
                found[tenant_id] = self.tenant(connection, tenant_id)
            except (LookupError, VaultError) as error:
                log.error("tenant.unusable", tenant_id=tenant_id, reason=type(error).__name__)
        return found

    def receiver(self, connection: Connection, receiver_id: ReceiverId) -> Receiver | None:
        self._forget_the_old()
        if receiver_id not in self._receivers:
            self._receivers = {one.id: one for one in load_receivers(connection, self._vault)}
        return self._receivers.get(receiver_id)

    def _forget_the_old(self) -> None:
        if monotonic() - self._since > FRESH_S:
            self._tenants, self._receivers, self._since = {}, {}, monotonic()
