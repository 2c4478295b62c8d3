"""Tenants are stored encrypted and brought in line with their file."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from shared.clock import FixedClock
from shared.db.engine import fetch_all, run
from shared.ids import TenantId
from shared.tenants import Receiver, load_receivers, load_tenant, load_tenants, load_unopened, record_corp
from shared.vault import Vault, VaultError
from tests.shared.corps import (
    AES_KEY,
    APP_SECRET,
    CLOSED_CORP,
    CORP,
    KEYS,
    OLD_AES_KEY,
    OLD_KEYS,
    OLD_TOKEN,
    SECRETS,
    TOKEN,
    corp_file,
    record_closed_corp,
)


def receivers(connection: Connection, vault: Vault) -> dict[str, Receiver]:
    return {receiver.name: receiver for receiver in load_receivers(connection, vault)}


def test_a_new_corp_starts_with_its_first_sync(connection: Connection, vault: Vault, clock: FixedClock):
    """What happened before it was added notifies nobody, so the time is kept."""
    tenant_id = record_corp(connection, vault, corp_file(language="en", timezone="Europe/Berlin"), now=clock.now())
    tenant = load_tenant(connection, vault, tenant_id)
    assert tenant is not None
    assert (tenant.corp_id, tenant.subject, tenant.name) == (CORP, "self", "Example Retail")
    assert (tenant.language, tenant.timezone, tenant.state) == ("en", "Europe/Berlin", "bootstrap")
    assert tenant.added_at == clock.now()
    assert load_tenants(connection, vault) == [tenant]
    assert load_tenant(connection, vault, TenantId(tenant_id + 1)) is None


def test_recording_again_updates_in_place(connection: Connection, vault: Vault, clock: FixedClock):
    """Ids, state, start and data key stay: what is stored under them must stay readable."""
    first = record_corp(connection, vault, corp_file(), now=clock.now())
    run(connection, "update tenant set state = 'live' where id = :id", id=first)
    before, keys = load_tenants(connection, vault), receivers(connection, vault)
    stored = before[0].cipher.encrypt(b"x", "a.b")
    clock.advance(60)
    assert record_corp(connection, vault, corp_file(name="New Name"), now=clock.now()) == first
    after = load_tenant(connection, vault, first)
    assert after is not None
    assert (after.name, after.state, after.added_at) == ("New Name", "live", before[0].added_at)
    assert after.cipher.decrypt(stored, "a.b") == b"x"
    assert {name: r.id for name, r in receivers(connection, vault).items()} == {name: r.id for name, r in keys.items()}


def test_another_subject_of_one_corp_is_another_tenant(connection: Connection, vault: Vault, clock: FixedClock):
    """A suite sees other ids for the same people."""
    one = record_corp(connection, vault, corp_file(), now=clock.now())
    other = record_corp(connection, vault, corp_file(subject="ww2b9d0e64fa17c385"), now=clock.now())
    assert one != other


def test_what_the_file_no_longer_names_is_removed(connection: Connection, vault: Vault, clock: FixedClock):
    """A removed receiver answers no more, a removed app calls no more; those of other corps stay."""
    record_corp(connection, vault, corp_file(corp_id="ww_other"), now=clock.now())
    tenant_id = record_corp(connection, vault, corp_file(), now=clock.now())
    record_corp(connection, vault, corp_file(apps={}, receivers={"new": {"kind": "robot", **KEYS}}), now=clock.now())
    found = [r.name for r in load_receivers(connection, vault) if r.tenant_id == tenant_id]
    assert found == ["new"]
    assert len(list(load_receivers(connection, vault))) == 3
    apps = fetch_all(connection, "select t.corp_id from app a join tenant t on t.id = a.tenant_id")
    assert [row["corp_id"] for row in apps] == ["ww_other"]


def test_a_receiver_opens_with_its_present_and_its_previous_keys(
    connection: Connection, vault: Vault, tenant_id: TenantId
):
    """While a key is being changed both are accepted, the present one first."""
    main = receivers(connection, vault)["main"]
    assert [(keys.token, keys.encoding_aes_key) for keys in main.keys] == [(TOKEN, AES_KEY), (OLD_TOKEN, OLD_AES_KEY)]
    assert (main.tenant_id, main.corp_id, main.kind, main.mode) == (tenant_id, CORP, "app", "secure")
    assert (main.receiveids_get, main.receiveids_post) == (frozenset({CORP}), frozenset({CORP}))
    assert len(receivers(connection, vault)["directory"].keys) == 1


def test_a_previous_key_that_leaves_the_file_is_forgotten(
    connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock
):
    """The change is over: the old key opens nothing any more."""
    record_corp(connection, vault, corp_file(receivers={"main": {"kind": "app", **OLD_KEYS}}), now=clock.now())
    keys = receivers(connection, vault)["main"].keys
    assert [(one.token, one.encoding_aes_key) for one in keys] == [(OLD_TOKEN, OLD_AES_KEY)]


def test_a_plaintext_official_account_has_a_token_only(connection: Connection, vault: Vault, clock: FixedClock):
    """It has nothing to decrypt with."""
    content = {"mp": {"kind": "official_account", "mode": "plaintext", "token": TOKEN}}
    record_corp(connection, vault, corp_file(receivers=content), now=clock.now())
    assert [keys.encoding_aes_key for keys in receivers(connection, vault)["mp"].keys] == [None]


def test_a_suspended_corp_has_no_receivers(connection: Connection, vault: Vault, tenant_id: TenantId):
    """Nothing is taken in for it."""
    run(connection, "update tenant set state = 'suspended' where id = :id", id=tenant_id)
    assert receivers(connection, vault) == {}


def stored_bytes(connection: Connection) -> Iterator[bytes]:
    for table in ("tenant", "app", "receiver"):
        for row in fetch_all(connection, f"select * from {table}"):
            for value in row.values():
                yield bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def test_no_secret_is_in_the_clear_in_any_column(connection: Connection, vault: Vault, tenant_id: TenantId):
    """Who reads the tables learns nothing that signs, decrypts or calls."""
    everything = list(stored_bytes(connection))
    assert CORP.encode() in everything
    assert not [secret for secret in SECRETS for value in everything if secret.encode() in value]


def test_the_secret_opens_in_its_own_column_only(connection: Connection, vault: Vault, tenant_id: TenantId):
    """A value that was moved to another column does not open there."""
    tenant = load_tenants(connection, vault)[0]
    stored = fetch_all(connection, "select secret from app")[0]["secret"]
    assert tenant.cipher.decrypt(stored, "app.secret").decode() == APP_SECRET
    with pytest.raises(VaultError):
        tenant.cipher.decrypt(stored, "receiver.token")


def test_a_corp_whose_keys_do_not_open_is_in_nobody_elses_way(
    connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock
):
    """Whoever works on one corp opens that one only."""
    closed = record_closed_corp(connection, now=clock.now())
    assert [one.id for one in load_tenants(connection, vault, corp_id=CORP)] == [tenant_id]
    assert {one.tenant_id for one in load_receivers(connection, vault, tenant_id=tenant_id)} == {tenant_id}
    assert load_unopened(connection, vault) == [CLOSED_CORP]
    with pytest.raises(VaultError):
        load_tenant(connection, vault, closed)


def test_another_secret_key_opens_nothing(connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock):
    """The mistake is told at once, before anything is stored with the wrong key."""
    wrong = Vault("another secret key of the tests, long enough")
    with pytest.raises(VaultError):
        load_tenants(connection, wrong)
    with pytest.raises(VaultError):
        list(load_receivers(connection, wrong))
    with pytest.raises(VaultError):
        record_corp(connection, wrong, corp_file(), now=clock.now())


def test_a_changed_secret_drops_the_token_of_the_old_one(
    connection: Connection, vault: Vault, tenant_id: TenantId, clock: FixedClock
):
    """A token belongs to the secret that it was fetched with."""
    run(
        connection,
        "insert into credential (tenant_id, app, kind, value) values (:tenant_id, 'contact', 'access_token', 'x')",
        tenant_id=tenant_id,
    )
    record_corp(connection, vault, corp_file(), now=clock.now())
    assert not fetch_all(connection, "select * from credential")


def test_nothing_secret_shows_when_printed(connection: Connection, vault: Vault, tenant_id: TenantId):
    """Tenants and receivers may reach a log."""
    shown = repr(load_tenants(connection, vault)) + repr(receivers(connection, vault))
    assert not [secret for secret in SECRETS if secret in shown]
