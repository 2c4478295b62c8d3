"""A corp's data key is changed under way: nothing becomes unreadable, whoever is killed or writes meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, event

from services.keys import store
from services.keys.columns import SEALED
from services.keys.pages import count_old, renew_page
from services.keys.store import begin_rotation, last_rotation, open_rotation, rewrap, take_step
from shared.clock import FixedClock
from shared.db.engine import fetch_one, run, transact
from shared.tenants import Tenant, load_tenant
from shared.vault import Vault, VaultError
from tests.services.conftest import add_tenant
from tests.services.keys.filling import fill, numbers, opened, secret_of

SETTLE = timedelta(seconds=60)
ROWS = 3
EVENT = next(one for one in SEALED if one.table == "customer")
OLD_KEY, NEW_KEY = ("an old secret key that wraps all rings", "a new secret key that wraps all rings")


@pytest.fixture
def corp(engine: Engine, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """A corp with rows in every table that holds encrypted values; pages are small."""
    monkeypatch.setattr(store, "MOST_ROWS", 2)
    with engine.begin() as connection:
        made = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
        for one in SEALED:
            fill(connection, made, one, rows=ROWS)
    return made


def begin(engine: Engine, vault: Vault, corp: Tenant, *, now: datetime) -> bool:
    with engine.begin() as connection:
        return begin_rotation(connection, vault, corp, by="Chen Jing", now=now, settle_s=SETTLE.total_seconds())


def step(engine: Engine, vault: Vault, corp: Tenant, *, now: datetime) -> bool:
    return transact(
        engine,
        lambda connection: take_step(connection, vault, corp.id, now=now, settle_s=SETTLE.total_seconds()),
    )


def work_off(engine: Engine, vault: Vault, corp: Tenant, *, now: datetime) -> None:
    while step(engine, vault, corp, now=now) or step(engine, vault, corp, now=now + SETTLE):
        pass


def reader(engine: Engine, corp: Tenant, *keys: str) -> Tenant:
    """The corp as a process that starts now knows it."""
    vault = Vault(*keys) if keys else Vault("a secret key of the tests, long enough")
    with engine.begin() as connection:
        found = load_tenant(connection, vault, corp.id)
    assert found is not None
    return found


def assert_all_readable(engine: Engine, corp: Tenant) -> None:
    with engine.begin() as connection:
        for one in SEALED:
            for column, values in opened(connection, corp, one).items():
                # The audit tells of the change itself, too.
                ours = [value for value in values if value.startswith(one.table)]
                assert ours == [secret_of(one, column, n) for n in range(ROWS)]


def test_every_value_is_made_anew_and_stays_what_it_was(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """One byte of each value says which key has made it; in the end none is the old one's (ACC-3)."""
    assert begin(engine, vault, corp, now=clock.now())
    work_off(engine, vault, corp, now=clock.now() + SETTLE)
    fresh = reader(engine, corp)
    assert_all_readable(engine, fresh)
    with engine.begin() as connection:
        assert numbers(connection, fresh) == {2}
        last = last_rotation(connection, corp.id)
        assert last is not None
        assert (last["state"], last["unreadable_count"], last["started_by"]) == ("done", 0, "Chen Jing")
        # The audit row of the change itself is one more.
        assert last["changed_count"] == ROWS * len(SEALED) + 1


def test_what_is_found_by_its_value_stays_findable(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """The index has a key of its own, which stays: no half of the rows answers to another one (ACC-3)."""
    before = corp.cipher.index("phone", "13800000000")
    begin(engine, vault, corp, now=clock.now())
    for _ in range(3):
        assert reader(engine, corp).cipher.index("phone", "13800000000") == before
        step(engine, vault, corp, now=clock.now() + SETTLE)
    work_off(engine, vault, corp, now=clock.now() + 2 * SETTLE)
    assert reader(engine, corp).cipher.index("phone", "13800000000") == before


def test_no_process_makes_values_that_another_cannot_open(
    engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock
):
    """First all know the key, then it is used, then old values are made anew: each after the time to settle (ACC-3)."""
    now = clock.now()
    begin(engine, vault, corp, now=now)
    early = reader(engine, corp)  # a process that looks at keys just before each step
    assert early.cipher.encrypt(b"x", "a.b")[0] == 1
    assert not step(engine, vault, corp, now=now + SETTLE - timedelta(seconds=1))
    assert step(engine, vault, corp, now=now + SETTLE)
    late = reader(engine, corp)
    made = late.cipher.encrypt(b"x", "a.b")
    assert made[0] == 2
    assert early.cipher.decrypt(made, "a.b") == b"x"
    assert not step(engine, vault, corp, now=now + SETTLE), "the first may still make values with the old key"
    assert late.cipher.decrypt(early.cipher.encrypt(b"y", "a.b"), "a.b") == b"y"


def test_all_holders_of_a_cipher_learn_of_a_key_together(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """Clients keep a tenant for as long as their process lives (ACC-3)."""
    kept = reader(engine, corp)
    begin(engine, vault, corp, now=clock.now())
    step(engine, vault, corp, now=clock.now() + SETTLE)
    assert corp.cipher.encrypt(b"x", "a.b")[0] == 1
    with engine.begin() as connection:
        load_tenant(connection, vault, corp.id)  # somebody else in this process looks
    assert corp.cipher.encrypt(b"x", "a.b")[0] == 2
    assert kept.cipher.encrypt(b"x", "a.b")[0] == 1, "another process"


@pytest.mark.parametrize("after", [0, 4, 11, 25, 46])
def test_killed_anywhere_it_goes_on_where_it_stopped(
    engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock, after: int
):
    """kill -9 between two statements: the page is undone, all is readable, the next call finishes (ACC-3, G10)."""
    begin(engine, vault, corp, now=clock.now())
    left = [after]

    def fall(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", fall)
    with pytest.raises(KeyboardInterrupt):
        work_off(engine, vault, corp, now=clock.now() + SETTLE)
    event.remove(engine, "before_cursor_execute", fall)
    assert_all_readable(engine, reader(engine, corp))
    assert not begin(engine, vault, corp, now=clock.now()), "the change under way goes on"
    work_off(engine, vault, corp, now=clock.now() + SETTLE)
    assert_all_readable(engine, reader(engine, corp))
    with engine.begin() as connection:
        assert numbers(connection, reader(engine, corp)) == {2}


def test_two_that_work_at_once_share_the_work(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """Two commands for one corp: one new key, each value made anew once (ACC-3)."""
    with ThreadPoolExecutor(2) as pool:
        begun = list(pool.map(lambda _: begin(engine, vault, corp, now=clock.now()), range(2)))
        assert sorted(begun) == [False, True]
        later = clock.now() + SETTLE
        list(pool.map(lambda _: work_off(engine, vault, corp, now=later), range(2)))
    with engine.begin() as connection:
        last = last_rotation(connection, corp.id)
        assert last is not None
        assert (last["state"], last["changed_count"]) == ("done", ROWS * len(SEALED) + 1)
    assert sorted(reader(engine, corp).cipher.ring.keys) == [1, 2]
    assert_all_readable(engine, reader(engine, corp))


def write(connection: Connection, corp: Tenant, n: int, text: str) -> None:
    run(
        connection,
        "update customer set own = :own where tenant_id = :tenant_id and id = :id",
        own=corp.cipher.encrypt(text.encode(), EVENT.columns["own"]),
        tenant_id=corp.id,
        id=100 + n,
    )


def test_what_is_written_meanwhile_is_not_undone(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """A value is replaced only while it is the one that was read; the page is taken again (ACC-3)."""
    begin(engine, vault, corp, now=clock.now())
    step(engine, vault, corp, now=clock.now() + SETTLE)
    fresh = reader(engine, corp)
    raced = []

    def race(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith("update customer t") and not raced:
            raced.append(True)
            with ThreadPoolExecutor(1) as other:
                other.submit(_write_alone, engine, corp).result()

    event.listen(engine, "before_cursor_execute", race)
    with engine.begin() as connection:
        page = renew_page(connection, fresh, EVENT, after=None, limit=10)
    event.remove(engine, "before_cursor_execute", race)
    assert page.raced
    with engine.begin() as connection:
        assert opened(connection, fresh, EVENT)["own"] == ["customer.own 0", "customer.own 2", "newer"]
        again = renew_page(connection, fresh, EVENT, after=None, limit=10)
        assert (again.raced, again.changed_count, count_old(connection, fresh, EVENT)) == (False, 1, 0)


def _write_alone(engine: Engine, corp: Tenant) -> None:
    with engine.begin() as connection:
        write(connection, corp, 1, "newer")  # by a process that makes values with the old key


def test_cards_are_not_made_anew_for_it(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """What a card shows has not changed; the marks of other changes stay (CUS-3)."""
    with engine.begin() as connection:
        run(connection, "delete from card_due")
        run(connection, "insert into card_due (tenant_id, customer_id) values (:id, 7)", id=corp.id)
    begin(engine, vault, corp, now=clock.now())
    work_off(engine, vault, corp, now=clock.now() + SETTLE)
    with engine.begin() as connection:
        row = fetch_one(connection, "select array_agg(customer_id) as ids from card_due")
    assert row is not None
    assert row["ids"] == [7]


def test_what_no_key_opens_is_counted_and_left(engine: Engine, vault: Vault, corp: Tenant, clock: FixedClock):
    """A damaged value stops nothing, and stays for whoever knows more (ACC-3)."""
    with engine.begin() as connection:
        run(connection, "update customer set own = '\\x01aa' where tenant_id = :t and id = 101", t=corp.id)
    begin(engine, vault, corp, now=clock.now())
    work_off(engine, vault, corp, now=clock.now() + SETTLE)
    with engine.begin() as connection:
        last = last_rotation(connection, corp.id)
        assert last is not None
        assert (last["state"], last["unreadable_count"]) == ("done", 1)
        row = fetch_one(connection, "select own from customer where id = 101")
        assert row is not None
        assert bytes(row["own"]) == b"\x01\xaa"
        assert open_rotation(connection, corp.id) is None


def test_a_new_secret_key_wraps_what_an_old_one_did(engine: Engine, clock: FixedClock):
    """Both are known while processes are restarted one by one; afterwards the old one opens nothing (ACC-3, G10)."""
    old, both = Vault(OLD_KEY), Vault(NEW_KEY, previous=OLD_KEY)
    with engine.begin() as connection:
        corp = add_tenant(connection, old, clock, corp_id="ww0000000000000002")
        made = corp.cipher.encrypt(b"x", "a.b")
        assert both.local.decrypt(old.local.encrypt(b"y", "c.d"), "c.d") == b"y"
        with_both = load_tenant(connection, both, corp.id)
        assert with_both is not None
        assert with_both.cipher.decrypt(made, "a.b") == b"x"
        assert rewrap(connection, both, corp, by="Chen Jing", now=clock.now())
        assert not rewrap(connection, both, corp, by="Chen Jing", now=clock.now())
        with pytest.raises(VaultError):
            load_tenant(connection, Vault(OLD_KEY), corp.id)
        alone = load_tenant(connection, Vault(NEW_KEY), corp.id)
        assert alone is not None
        assert alone.cipher.decrypt(made, "a.b") == b"x"
