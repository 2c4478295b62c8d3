"""What a process knows of tenants and receivers is loaded when it is needed."""

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from shared.clock import FixedClock
from shared.db.engine import run
from shared.directory import Directory
from shared.ids import ReceiverId, TenantId
from shared.tenants import load_receivers, record_corp
from shared.vault import Vault, VaultError
from tests.shared.corps import CORP, KEYS, OTHER_VAULT, corp_file, record_closed_corp


def test_a_tenant_is_loaded_once(connection: Connection, vault: Vault, tenant_id: TenantId):
    """Opening a data key for every event would be waste."""
    directory = Directory(vault)
    first = directory.tenant(connection, tenant_id)
    run(connection, "update tenant set name = 'New Name'")
    assert first.corp_id == CORP
    assert directory.tenant(connection, tenant_id) is first


def test_a_tenant_that_does_not_exist_is_told(connection: Connection, vault: Vault, tenant_id: TenantId):
    """No row is ever worked on for nobody."""
    with pytest.raises(LookupError, match=f"no tenant {tenant_id + 1}"):
        Directory(vault).tenant(connection, TenantId(tenant_id + 1))


def test_a_receiver_that_is_missing_is_looked_for_again(
    connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock
):
    """A running process learns of a new receiver with its first event."""
    directory = Directory(vault)
    assert directory.receiver(connection, ReceiverId(0)) is None
    record_corp(connection, vault, corp_file(receivers={"new": {"kind": "app", **KEYS}}), now=clock.now())
    (new,) = load_receivers(connection, vault)
    assert directory.receiver(connection, new.id) == new


def test_a_corp_whose_keys_do_not_open_is_told_once_a_minute_and_others_are_usable(
    connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock
):
    """Whose it is, and nothing of the keys (G10)."""
    closed = record_closed_corp(connection, now=clock.now())
    directory = Directory(vault)
    with capture_logs() as logs:
        for passed_s in (0, 1, 61, 1):
            directory._since -= passed_s
            assert list(directory.usable(connection, [closed, tenant_id])) == [tenant_id]
    told = {"event": "tenant.unusable", "log_level": "error", "tenant_id": closed, "reason": "VaultError"}
    assert logs == [told, told]


def test_a_receiver_that_does_not_open_is_none_that_was_removed(
    connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock
):
    """What came for it waits; other corps' receivers are found."""
    closed = record_closed_corp(connection, now=clock.now())
    (shut,) = load_receivers(connection, OTHER_VAULT, tenant_id=closed)
    directory = Directory(vault)
    for one in load_receivers(connection, vault, tenant_id=tenant_id):
        assert directory.receiver(connection, one.id) == one
    with pytest.raises(VaultError):
        directory.receiver(connection, shut.id)
