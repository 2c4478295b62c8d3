"""Cards from the notice to the press and back: a real gateway, the simulator's phones, our own parts."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import SimulatedCorp, record_demo_corp
from notifier.card_updates import CardUpdates
from notifier.deliver import Notifier
from services.associates.model import Renaming
from services.associates.record import Provenance
from services.customers.model import RelationLost, RelationStarted
from services.message_templates.model import Dress, Form
from services.message_templates.store import record_dress
from services.notices.log import Sought, list_notifications
from services.notices.model import POOL_GIVEN, RELATION_LOST
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.pool.model import Act, PoolAdded, PoolCustomersGiven
from services.pool.moving import mark_added
from services.renames.store import rename
from shared.clock import SystemClock
from shared.db.engine import fetch_all, fetch_one, run
from shared.dead import retry_message
from shared.directory import Directory
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Tenant, load_tenants
from shared.vault import Vault
from shared.wecom.clients import Clients
from sync_worker.presses import act_upon_presses
from sync_worker.routing import route_inbox
from tests.conftest import SECRET_KEY
from tests.failing import BUDGETS, failing

ROOT = Path(__file__).parents[2]
START = "from callback_gateway.command import command; command()"
LI, WANG = UserId("LiNa"), UserId("WangFang")
ADD_CUSTOMER = "insert into customer (tenant_id, created_at, updated_at) values (:t, :now, :now) returning id"
SHOP = ExternalUserId("wmShopper")


@dataclass
class Counter:
    """A corp whose losses and new pool customers come as cards, with every part between press and card."""

    runtime: Runtime
    corp: SimulatedCorp
    pool: ThreadPoolExecutor

    def __post_init__(self) -> None:
        self.directory, self.clients = Directory(self.runtime.vault), Clients(self.runtime, connections=4)

    @property
    def tenant(self) -> Tenant:
        with self.runtime.engine.begin() as connection:
            return load_tenants(connection, self.runtime.vault)[0]

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **values)]

    def tell(self, fact: Fact) -> dict[str, Any]:
        """The fact is recorded and told; the card on Li Na's phone, the last one."""
        with self.runtime.engine.begin() as connection:
            now = self.runtime.clock.now()
            record_facts_and_notices(connection, self.tenant, [Caused(fact, "event")], now=now, ttl_s=86_400)
        Notifier(self.runtime, clients=self.clients, pool=self.pool).deliver_due()
        return self.phone()[-1]

    def record(self, fact: Fact) -> None:
        """Something happened elsewhere."""
        with self.runtime.engine.begin() as connection:
            now = self.runtime.clock.now()
            record_facts_and_notices(connection, self.tenant, [Caused(fact, "api")], now=now, ttl_s=86_400)

    def phone(self) -> list[dict[str, Any]]:
        return self.corp.messages(LI)

    def face(self, card: dict[str, Any]) -> dict[str, Any]:
        """The card as its reader sees it now."""
        found: dict[str, Any] = next(one for one in self.phone() if one["msgid"] == card["msgid"])["displayed"]
        return found

    def press(self, card: dict[str, Any], key: str, **more: object) -> None:
        """On the phone; its event has come through the gateway."""
        before = self.rows("select count(*) from inbox")[0][0]
        self.corp.act({"do": "click_card", "userid": LI, "msgid": card["msgid"], "key": key, **more})
        self.corp.flush()
        for _ in range(100):
            if self.rows("select count(*) from inbox")[0][0] > before:
                return
            time.sleep(0.05)
        raise AssertionError("the press did not arrive")

    def work(self) -> None:
        """Route, act, and change cards, until nothing is due."""
        updates = CardUpdates(self.runtime, self.clients)
        while (
            route_inbox(self.runtime, self.directory, limit=50)
            or act_upon_presses(self.runtime, self.directory)
            or updates.update_due()
        ):
            pass

    def given(self) -> int:
        """A pool customer is Li Na's to add; their id."""
        with self.runtime.engine.begin() as connection:
            now, t = self.runtime.clock.now(), self.tenant.id
            row = fetch_one(connection, ADD_CUSTOMER, t=t, now=now)
            assert row is not None
            run(connection, "insert into pool_record (tenant_id, customer_id, status, source, userid, status_at, "
                "created_at, by_whom) values (:t, :id, 'assigned', 'hand', :userid, :now, :now, 'test')",
                t=t, id=row["id"], userid=LI, now=now)  # fmt: skip
        return int(row["id"])

    def lost(self) -> RelationLost:
        """A customer who is known here has removed Li Na."""
        with self.runtime.engine.begin() as connection:
            now, t = self.runtime.clock.now(), self.tenant.id
            row = fetch_one(connection, ADD_CUSTOMER, t=t, now=now)
            assert row is not None
            run(connection, "insert into external_contact (tenant_id, external_userid, customer_id, name, cause, "
                "observed_at) values (:t, :contact, :id, '陈晨', 'event', :now)",
                t=t, contact=SHOP, id=row["id"], now=now)  # fmt: skip
        return RelationLost(occurred_at=now, userid=LI, external_userid=SHOP, evidenced=True)


@pytest.fixture
def gateway(database_url: str, redis_url: str, engine: Engine, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Starts a gateway of its own; its address."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> str:
        values = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "HOME": tmp_path, "SECRET_KEY": SECRET_KEY}
        log = tmp_path / "gateway.log"
        with log.open("wb") as output:
            command = [sys.executable, "-c", START, "--bind=127.0.0.1:0"]
            env = {**os.environ, **{f"GUANXI_{name}": str(value) for name, value in values.items()}}
            started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output))
        for _ in range(200):
            found = [word for word in log.read_text().split() if word.startswith("address=http")]
            if found:
                return found[0].removeprefix("address=")
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    yield start
    for one in started:
        one.terminate()
        one.wait(timeout=20)


@contextmanager
def a_counter(runtime: Runtime, simulator_url: str, addresses: list[str]) -> Iterator[Counter]:
    corp = SimulatedCorp(simulator_url)
    corp.create(addresses)
    with ThreadPoolExecutor(4) as pool:
        made = Counter(runtime, corp, pool)
        with runtime.engine.begin() as connection:
            for notice in (POOL_GIVEN, RELATION_LOST):
                record_dress(connection, made.tenant.id, notice, Dress(Form.CARD), by="test", now=runtime.clock.now())
        yield made


@pytest.fixture
def runtime(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Runtime:
    """Of the demo corp, which the simulator does not have yet."""
    SimulatedCorp(simulator_url).post("/sim/reset", {})
    settings = Settings(_env_file=None, wecom_base_url=simulator_url, wecom_read_timeout_s=1)
    made = Runtime(settings, SystemClock(), engine, Redis.from_url(redis_url), vault)
    record_demo_corp(made)
    return made


@pytest.fixture
def counter(runtime: Runtime, simulator_url: str, gateway: Callable[[], str]) -> Iterator[Counter]:
    with a_counter(runtime, simulator_url, [gateway()]) as made:
        yield made


@pytest.fixture
def unpressed(runtime: Runtime, simulator_url: str) -> Iterator[Counter]:
    """Where nobody presses anything: without a gateway."""
    with a_counter(runtime, simulator_url, []) as made:
        yield made


def given(counter: Counter) -> tuple[int, PoolCustomersGiven]:
    id_ = counter.given()
    fact = PoolCustomersGiven(occurred_at=counter.runtime.clock.now(), userid=LI, count=1, customer_id=CustomerId(id_))
    return id_, fact


def test_a_press_of_added_takes_the_customer_off_the_list_and_the_card_says_so(counter: Counter):
    """One tap does what the list's button does, with fact, history and audit; twice and redelivered once (POOL-8)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    assert card["msgtype"] == "template_card"
    assert [one["key"] for one in card["displayed"]["button_list"]] == ["added", "unreachable"]
    counter.press(card, "added")
    counter.press(card, "added")  # before the card has changed
    with counter.runtime.engine.begin() as connection:
        run(connection, "update inbox set state = 'new'")
    counter.work()
    with counter.runtime.engine.begin() as connection:  # the same events, as if their routing had been lost
        run(connection, "update inbox set state = 'new'")
    counter.work()
    assert counter.rows("select status, userid from pool_record where customer_id = :id", id=id_) == [("added", LI)]
    assert counter.rows("select cause from fact where type = 'pool_added'") == [("operator",)]
    assert counter.rows("select actor, action, subject_key from audit") == [("associate:LiNa", "pool.added", str(id_))]
    assert counter.rows("select state, says from card_press") == [("done", "added")] * 2
    assert counter.rows("select distinct state from inbox") == [("routed",)]
    assert counter.rows("select state, attempts from outbox where channel = 'wecom_card'") == [("sent", 1)]
    with counter.runtime.engine.begin() as connection:  # the change of a card is no notification
        listed = list_notifications(connection, counter.tenant.id, Sought(), before=None, limit=9)
        assert [row["notice"] for row in listed] == [POOL_GIVEN]
    assert counter.face(card)["button"] == {"replace_name": "已添加"}


def test_unreachable_carries_the_reason_that_was_chosen_on_the_card(counter: Counter):
    """The associate says why, as on the list (POOL-8)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    counter.press(card, "unreachable", selected={"reason": "no_wechat"})
    counter.work()
    rows = counter.rows("select status, reason from pool_record where customer_id = :id", id=id_)
    assert rows == [("unreachable", "no_wechat")]
    assert counter.face(card)["button"] == {"replace_name": "已标记联系不上"}


def test_what_was_settled_elsewhere_is_what_the_card_says(counter: Counter):
    """A press after the state has changed changes nothing and shows what holds (POOL-8)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    with counter.runtime.engine.begin() as connection:
        act = Act("added", "api:crm", counter.runtime.clock.now())
        mark_added(connection, counter.tenant, CustomerId(id_), userid=None, act=act)
    counter.press(card, "unreachable")
    counter.work()
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("added",)]
    assert counter.rows("select count(*) from audit") == [(0,)]
    assert counter.face(card)["button"] == {"replace_name": "已添加"}


def test_whom_another_one_has_now_is_no_longer_theirs(counter: Counter):
    """An old card does not act upon another associate's customer (POOL-6)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    with counter.runtime.engine.begin() as connection:
        run(connection, "update pool_record set userid = 'WangFang' where customer_id = :id", id=id_)
    counter.press(card, "added")
    counter.work()
    assert counter.rows("select status, userid from pool_record") == [("assigned", WANG)]
    assert counter.face(card)["button"] == {"replace_name": "已不由您跟进"}


def test_a_press_of_win_back_makes_one_task(counter: Counter):
    """The loss becomes something to do, once, with its fact, however many processes act (LOSS-2)."""
    card = counter.tell(counter.lost())
    counter.press(card, "win_back")
    counter.press(card, "win_back")
    route_inbox(counter.runtime, counter.directory, limit=50)
    acting = [counter.pool.submit(act_upon_presses, counter.runtime, counter.directory) for _ in range(4)]
    assert sum(one.result() for one in acting) == 2
    counter.work()
    assert counter.rows("select userid, state, made_by from customer_task") == [(LI, "open", "associate:LiNa")]
    assert counter.rows("select count(*) from fact where type = 'task_made'") == [(1,)]
    assert counter.face(card)["button"] == {"replace_name": "已加入待办"}


def test_who_has_come_back_is_not_to_be_won_back(counter: Counter):
    """The friendship is there again: no task (LOSS-2, ASG-8)."""
    card = counter.tell(counter.lost())
    with counter.runtime.engine.begin() as connection:
        run(connection, "insert into relation (tenant_id, external_userid, userid, state, cause, observed_at) "
            "values (:t, :contact, :userid, 'active', 'event', :now)", t=counter.tenant.id, contact=SHOP, userid=LI,
            now=counter.runtime.clock.now())  # fmt: skip
    counter.press(card, "win_back")
    counter.work()
    assert counter.rows("select count(*) from customer_task") == [(0,)]
    assert counter.face(card)["button"] == {"replace_name": "客户已回来"}


def test_a_card_whose_matter_was_settled_elsewhere_says_so_once(unpressed: Counter):
    """Over the API, or on a superior's card: it is changed with the code of its send, and that once (POOL-8)."""
    id_, fact = given(unpressed)
    card = unpressed.tell(fact)
    added = PoolAdded(occurred_at=unpressed.runtime.clock.now(), customer_id=CustomerId(id_), userid=LI, how="hand")
    for _ in range(2):
        unpressed.record(added)
        unpressed.work()
    assert unpressed.face(card)["button"] == {"replace_name": "已添加"}
    assert unpressed.rows("select state, attempts from outbox where channel = 'wecom_card'") == [("sent", 1)]


@pytest.mark.parametrize("waits", [False, True])
def test_a_card_of_a_member_who_has_another_userid_changes_too(unpressed: Counter, waits: bool):
    """WeCom knows them by the new one only, also where the change waits for its turn already (POOL-8, G5)."""
    id_, fact = given(unpressed)
    unpressed.tell(fact)
    now, new = unpressed.runtime.clock.now(), UserId("lina2")
    added = PoolAdded(occurred_at=now, customer_id=CustomerId(id_), userid=LI, how="hand")
    if waits:
        unpressed.record(added)
    unpressed.corp.act({"do": "update_user", "userid": LI, "new_userid": new})
    with unpressed.runtime.engine.begin() as connection:
        assert rename(connection, unpressed.tenant, Renaming(LI, new, now), Provenance("event", None), now=now)
    unpressed.record(replace(added, userid=new))
    unpressed.work()
    changed = unpressed.rows("select recipient, state, last_error from outbox where channel = 'wecom_card'")
    assert changed == [(LI if waits else new, "sent", None)]


def test_a_press_is_not_answered_twice_and_other_cards_of_the_matter_follow(counter: Counter):
    """Who pressed sees it by the code of the press, a superior's card by its own: one change each (POOL-8)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    with counter.runtime.engine.begin() as connection:
        columns = "fact_id, notice, channel, causes, state, next_try_at, created_at, expires_at, reason, settled_at, "
        columns += "response_code"
        run(connection, f"insert into outbox (tenant_id, natural_key, recipient, about, {columns}) "
            f"select tenant_id, 'other', 'WangFang', 'LiNa', {columns} from outbox")  # fmt: skip
    counter.press(card, "added")
    route_inbox(counter.runtime, counter.directory, limit=50)
    act_upon_presses(counter.runtime, counter.directory)
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("added",)]
    changed = counter.rows(
        "select recipient, causes -> 0 ->> 'says' from outbox where channel = 'wecom_card' order by 1"
    )
    assert changed == [(LI, None), (WANG, "added")]


def test_a_card_that_wecom_has_had_already_is_in_doubt_and_not_dead(unpressed: Counter):
    """Sent again after WeCom forgot the first try, its number is refused (42014): a person looks (G5)."""
    unpressed.tell(given(unpressed)[1])
    with unpressed.runtime.engine.begin() as connection:
        (row,) = fetch_all(connection, "update outbox set state = 'in_doubt' returning tenant_id, id")
        assert retry_message(connection, row["tenant_id"], row["id"], now=unpressed.runtime.clock.now())
    unpressed.corp.post("/sim/clock", {"advance_s": 15_000})
    Notifier(unpressed.runtime, clients=unpressed.clients, pool=unpressed.pool).deliver_due()
    assert unpressed.rows("select state from outbox") == [("in_doubt",)]
    assert unpressed.rows("select outcome, code from attempt order by number") == [
        ("accepted", None),
        ("refused", 42014),
    ]
    assert len(unpressed.phone()) == 1


@pytest.mark.parametrize(("hours", "says"), [(0, None), (2, "客户已回来"), (73, None)])
def test_the_card_of_a_loss_says_that_the_customer_is_back(unpressed: Counter, hours: int, says: str | None):
    """Within the hour the message is recalled instead; after 72 hours no code is good any more (LOSS-2)."""
    card = unpressed.tell(unpressed.lost())
    with unpressed.runtime.engine.begin() as connection:
        run(connection, "update outbox set settled_at = settled_at - make_interval(hours => :hours)", hours=hours)
    now = unpressed.runtime.clock.now()
    unpressed.record(RelationStarted(occurred_at=now, userid=LI, external_userid=SHOP, evidenced=True))
    unpressed.work()
    assert unpressed.face(card).get("button") == (says and {"replace_name": says})
    assert unpressed.rows("select count(*) from outbox where channel = 'wecom_card'") == [(1 if says else 0,)]


def test_a_strangers_press_is_ignored_and_a_superiors_counts(counter: Counter):
    """Whom the card was sent to, or somebody above; a press of anybody else leaves all as it was (ACC-1)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    counter.press(card, "added")
    route_inbox(counter.runtime, counter.directory, limit=50)
    with counter.runtime.engine.begin() as connection:
        run(connection, "update card_press set userid = 'WangFang'")
    counter.work()
    assert counter.rows("select state, why from card_press") == [("ignored", "not_theirs")]
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("assigned",)]
    with counter.runtime.engine.begin() as connection:
        run(connection, "insert into associate (tenant_id, userid, direct_leaders, observed_at) values "
            "(:t, 'LiNa', '{WangFang}', :now), (:t, 'WangFang', null, :now)",
            t=counter.tenant.id, now=counter.runtime.clock.now())  # fmt: skip
        run(connection, "update card_press set state = 'new'")
    counter.work()
    assert counter.rows("select status, by_whom from pool_record") == [("added", "associate:WangFang")]


def test_a_card_of_another_database_is_none_of_ours(counter: Counter):
    """After a new beginning numbers count from 1 again: an old card's press must not act upon a new notice."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    counter.press(card, "added")
    route_inbox(counter.runtime, counter.directory, limit=50)
    with counter.runtime.engine.begin() as connection:
        run(connection, "update card_press set task_id = 'gx-' || split_part(task_id, '-', 2) || '-0123456789abcdef'")
    counter.work()
    assert counter.rows("select state, why from card_press") == [("ignored", "unknown_card")]
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("assigned",)]


def test_a_spent_code_is_final_and_an_unknown_answer_is_cleared_up_by_it(counter: Counter):
    """60140 is never tried again; after a call without an answer it says that the call had arrived (OUT-1)."""
    _, fact = given(counter)
    card = counter.tell(fact)
    counter.corp.post("/sim/faults", {"path": "message/update_template_card", "hang_s": 3, "times": 1})
    counter.press(card, "added")
    counter.work()
    assert counter.rows("select state from outbox where channel = 'wecom_card'") == [("queued",)]
    assert counter.face(card)["button"] == {"replace_name": "已添加"}
    with counter.runtime.engine.begin() as connection:
        run(connection, "update outbox set next_try_at = now() - interval '1 s' where channel = 'wecom_card'")
    counter.work()
    assert counter.rows("select state, attempts from outbox where channel = 'wecom_card'") == [("sent", 2)]
    with counter.runtime.engine.begin() as connection:
        run(connection, "update outbox set state = 'queued', first_unknown_at = null where channel = 'wecom_card'")
    counter.work()
    assert counter.rows("select state, attempts from outbox where channel = 'wecom_card'") == [("refused", 3)]


def test_a_change_before_which_the_database_failed_was_certainly_not_made(counter: Counter):
    """A code that is spent by then was spent by another: its card does not say what it should (OUT-1)."""
    card = counter.tell(given(counter)[1])
    counter.press(card, "added")
    with failing(counter.runtime.engine, BUDGETS) as failed:
        counter.work()
    assert failed
    assert counter.rows("select state, first_unknown_at from outbox where channel = 'wecom_card'") == [("queued", None)]
    counter.corp.post("/sim/faults", {"path": "message/update_template_card", "errcode": 60140, "times": 1})
    with counter.runtime.engine.begin() as connection:
        run(connection, "update outbox set next_try_at = now() - interval '1 s' where channel = 'wecom_card'")
    counter.work()
    assert counter.rows("select state, attempts from outbox where channel = 'wecom_card'") == [("refused", 2)]


def test_how_a_change_went_is_noted_although_another_was_in_the_way(counter: Counter):
    """A deadlock costs the transaction another start, not the change another try (OUT-1)."""
    counter.press(counter.tell(given(counter)[1]), "added")
    route_inbox(counter.runtime, counter.directory, limit=50)
    act_upon_presses(counter.runtime, counter.directory)
    with failing(counter.runtime.engine, "update attempt") as failed:
        counter.work()
    assert failed
    assert counter.rows("select state, attempts from outbox where channel = 'wecom_card'") == [("sent", 1)]


def test_conflicts_in_the_database_cost_a_press_no_tries(counter: Counter):
    """However many there are, it is acted upon in the end (POOL-8)."""
    id_, fact = given(counter)
    counter.press(counter.tell(fact), "added")
    route_inbox(counter.runtime, counter.directory, limit=50)
    for _ in range(6):
        with failing(counter.runtime.engine, "update pool_record", times=3) as failed:
            act_upon_presses(counter.runtime, counter.directory)
        assert len(failed) == 3
    assert counter.rows("select state, attempts from card_press") == [("new", 0)]
    counter.work()
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("added",)]


def test_the_codes_of_cards_and_presses_are_in_no_row_in_the_clear(counter: Counter):
    """A response code is a secret (G10): the send's is kept encrypted, the press's too."""
    _, fact = given(counter)
    card = counter.tell(fact)
    counter.press(card, "added")
    counter.work()
    ((sealed,),) = counter.rows("select response_code from outbox where channel = 'wecom'")
    assert sealed is not None
    opened = counter.tenant.cipher.decrypt(sealed, "outbox.response_code").decode()
    ((pressed,),) = counter.rows("select response_code from card_press")
    second = counter.tenant.cipher.decrypt(pressed, "card_press.response_code").decode()
    assert opened != second
    dump = str(counter.rows("select * from outbox")) + str(counter.rows("select * from card_press"))
    assert opened not in dump and second not in dump
