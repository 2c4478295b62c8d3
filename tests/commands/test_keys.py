"""`guanxi keys`: what an operator who changes keys reads and does."""

import pytest

from commands.demo_corp import CORP_ID
from shared.tenants import load_tenants
from shared.vault import Vault
from tests.commands.conftest import Guanxi
from tests.conftest import SECRET_KEY
from tests.sync_worker.conftest import Office

NEW_KEY = "another secret key of the tests, long enough"


def opens_with(office: Office, vault: Vault) -> str:
    """The secret of the corp's app, as a process with these keys reads it."""
    with office.runtime.engine.begin() as connection:
        (tenant,) = load_tenants(connection, vault)
    ((secret,),) = office.rows("select secret from app")
    return tenant.cipher.decrypt(secret, "app.secret").decode()


def test_a_data_key_is_changed_and_all_goes_on(office: Office, guanxi: Guanxi, monkeypatch: pytest.MonkeyPatch):
    """Progress, an end that says how much, and a status that says by whom; the worker reads on (ACC-3)."""
    before = opens_with(office, Vault(SECRET_KEY))
    waits = guanxi("keys", "rotate-data", CORP_ID, "--by", "Chen Jing", "--no-wait")
    assert waits.exit_code == 0, waits.output
    assert "call it again after" in waits.output
    office.runtime.engine.dispose()
    with office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update key_rotation set ready_at = now()")
    monkeypatch.setenv("GUANXI_KEY_SETTLE_S", "0")
    done = guanxi("keys", "rotate-data", CORP_ID, "--by", "Somebody Else")
    assert done.exit_code == 0, done.output
    assert "going on with the change under way" in done.output
    assert "rows made anew with key 2" in done.output
    assert opens_with(office, Vault(SECRET_KEY)) == before
    assert office.rows("select get_byte(secret, 0) from app") == [(2,)]
    office.resync()
    shown = guanxi("keys", "status", "--count").output
    assert "Chen" in shown
    assert office.rows("select actor, action from audit") == [("operator:Chen Jing", "keys.rotate")]


def test_a_secret_key_is_changed_with_the_old_one_beside_it(
    office: Office, guanxi: Guanxi, monkeypatch: pytest.MonkeyPatch
):
    """As `guanxi keys rewrap --help` says it, step by step (ACC-3)."""
    before = opens_with(office, Vault(SECRET_KEY))
    monkeypatch.setenv("GUANXI_SECRET_KEY", NEW_KEY)
    alone = guanxi("keys", "rewrap", "--by", "Chen Jing")
    assert alone.exit_code == 1
    assert "GUANXI_SECRET_KEY_PREVIOUS" in alone.output
    assert "another one" in guanxi("keys", "status").output
    monkeypatch.setenv("GUANXI_SECRET_KEY_PREVIOUS", SECRET_KEY)
    assert "previous" in guanxi("keys", "status").output
    assert "1 corps wrapped anew" in guanxi("keys", "rewrap", "--by", "Chen Jing").output
    assert "nothing to do" in guanxi("keys", "rewrap", "--by", "Chen Jing").output
    assert opens_with(office, Vault(NEW_KEY)) == before


def test_a_corp_that_is_not_there(office: Office, guanxi: Guanxi):
    """The error says what to look at."""
    result = guanxi("keys", "rotate-data", "ww-unknown", "--by", "Chen Jing")
    assert result.exit_code == 1
    assert "guanxi corp list" in result.output
