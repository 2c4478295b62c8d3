"""The tenants and receivers that a process knows: loaded at first use, again when one is missing, and every minute."""

from collections.abc import Hashable, Iterable

import structlog
from sqlalchemy import Connection

from shared.clock import monotonic
from shared.ids import ReceiverId, TenantId
from shared.tenants import Receiver, Tenant, load_receiver_rows, load_tenant, open_receiver
from shared.vault import Vault, VaultError

FRESH_S = 60.0

log = structlog.get_logger()


class Directory:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._tenants: dict[TenantId, Tenant] = {}
        self._receivers: dict[ReceiverId, Receiver | None] = {}
        self._told = set[Hashable]()
        self._since = monotonic()

    def tenant(self, connection: Connection, tenant_id: TenantId) -> Tenant:
        """
        Raises:
            LookupError: no such tenant.
            VaultError: it was made with another secret key.
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
                self._tell("tenant.unusable", error, tenant_id=tenant_id)
        return found

    def receiver(self, connection: Connection, receiver_id: ReceiverId) -> Receiver | None:
        """None: there is none (any more).

        Raises:
            VaultError: it cannot be opened; other corps' receivers can.
        """
        self._forget_the_old()
        known = self._receivers  # another thread may forget them any moment
        if receiver_id not in known:
            known = self._receivers = self._opened(connection)
        found = known.get(receiver_id)
        if found is None and receiver_id in known:
            raise VaultError(f"receiver {receiver_id} does not open")
        return found

    def _opened(self, connection: Connection) -> dict[ReceiverId, Receiver | None]:
        """All receivers; None: one that does not open."""
        found: dict[ReceiverId, Receiver | None] = {}
        for row in load_receiver_rows(connection):
            id_ = ReceiverId(row["id"])
            try:
                found[id_] = open_receiver(row, self._vault)
            except VaultError as error:
                found[id_] = None
                self._tell("receiver.unusable", error, tenant_id=row["tenant_id"], receiver_id=id_)
        return found

    def _tell(self, event: str, error: Exception, **whose: int) -> None:
        """Once a minute, however often it is looked for."""
        key = (event, *whose.values())
        if key not in self._told:
            self._told.add(key)
            log.error(event, reason=type(error).__name__, **whose)

    def _forget_the_old(self) -> None:
        if monotonic() - self._since > FRESH_S:
            self._tenants, self._receivers, self._told, self._since = {}, {}, set(), monotonic()
