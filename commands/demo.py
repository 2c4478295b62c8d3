"""`guanxi demo`: a bounded story, each step checked against the database and the phones of the associates."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from commands.demo_corp import ASSOCIATES, SimulatedCorp, read_title, record_demo_corp, tell_at_once
from commands.demo_home import demo_settings
from commands.signals import interrupt_on_signals, stop_on_signals
from commands.stack import Stack
from commands.waiting import Impatience, wait_for
from shared.db.engine import fetch_one
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.supervise import StartCancelledError
from shared.telemetry import configure_logging

CUSTOMERS = 2000
BURST = 20
QUICK = {"LEASE_S": "3", "LOG_LEVEL": "warning"}


@dataclass
class Story:
    """The running demo and what is expected on the phones so far: (userid, first words of the title) by number."""

    stack: Stack
    corp: SimulatedCorp
    runtime: Runtime
    expected: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: dict[str, str] = field(default_factory=dict)

    def expect(self, userid: str, title: str, count: int = 1) -> None:
        self.expected[userid, title] += count

    def phones(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for message in self.corp.messages():
            about, count = read_title(message["payload"]["title"])
            found[message["userid"], about] += count
        return found

    def wait_for_phones(self, *, patience_s: float = 20) -> None:
        """Until the phones show what is expected; more than that is wrong at once."""
        self.corp.flush()
        wait_for(lambda: not (self.expected - self.phones()), "the messages", patience_s=patience_s)
        surplus = self.phones() - self.expected
        if surplus:
            raise Impatience(f"messages that nobody expected: {dict(surplus)}")

    def number(self, sql: str) -> int:
        with self.runtime.engine.begin() as connection:
            row = fetch_one(connection, sql)
        return int(row["n"]) if row else 0


def _first_sync(story: Story) -> str:
    story.corp.add_customers(CUSTOMERS, userids=list(ASSOCIATES))
    record_demo_corp(story.runtime)
    tell_at_once(story.runtime)
    wait_for(lambda: story.number("select count(*) n from tenant where state = 'live'") == 1, "the first sync")
    relations = story.number("select count(*) n from relation where state = 'active'")
    if relations != len(story.corp.pairs()):
        raise Impatience(f"{relations} relations here, {len(story.corp.pairs())} in WeCom")
    story.wait_for_phones()
    return f"{relations} relations copied, nobody was disturbed"


def _new_customer(story: Story) -> str:
    made = story.corp.act({"do": "add", "userid": "LiNa", "name": "王小明", "state": "扫码进店", "callbacks": 4})
    story.kept["customer"] = made["external_userid"]
    story.expect("LiNa", "新客户")
    story.wait_for_phones()
    rows = story.number("select count(*) n from inbox")
    if rows != 1:
        raise Impatience(f"one event became {rows} rows")
    return "4 copies of one callback: 1 row, 1 message"


def _edit(story: Story) -> str:
    pair = {"userid": "LiNa", "external_userid": story.kept["customer"]}
    story.corp.act({"do": "edit", "remark": "王总 VIP", **pair})
    wait_for(lambda: story.number("select count(*) n from relation where remark = '王总 VIP'") == 1, "the remark")
    return "the remark typed in WeCom is here"


def _loss(story: Story) -> str:
    pair = {"external_userid": story.kept["customer"]}
    story.corp.act({"do": "add", "userid": "WangFang", **pair})
    story.expect("WangFang", "新客户")
    story.wait_for_phones()
    story.corp.act({"do": "customer_deletes", "userid": "LiNa", **pair})
    story.expect("LiNa", "客户流失")
    story.expect("LiNa", "客户归属变更")
    story.expect("WangFang", "客户已分配给您")
    story.wait_for_phones()
    return "LiNa lost the customer, WangFang has them now, both were told"


def _database_killed(story: Story) -> str:
    story.stack.servers.kill_postgres()
    _burst(story, "断电")
    story.corp.flush()
    counters = story.corp.get("/sim/callbacks")
    story.stack.keep_alive()
    story.wait_for_phones(patience_s=30)
    if counters["failed"]:
        raise Impatience(f"{counters['failed']} callbacks were not acknowledged")
    return f"PostgreSQL killed: {BURST} callbacks acknowledged from the spool, then delivered"


def _processes_killed(story: Story) -> str:
    for name in ("worker", "notifier", "gateway"):
        _burst(story, name)
        story.stack.supervisor.kill(name)
    story.stack.servers.kill_valkey()
    story.stack.keep_alive()
    story.wait_for_phones(patience_s=30)
    return f"worker, notifier, gateway and Valkey killed in the middle of {3 * BURST} events: each message once"


def _same_end(story: Story) -> str:
    def differing() -> int:  # relations that the two sides see differently
        here = _relations(story.runtime)
        there = {(p["userid"], p["external_userid"]): p["state"] for p in story.corp.pairs()}
        unequal = [key for key, state in there.items() if here.get(key) != state]
        return len(unequal) + len(here.keys() - there.keys())

    wait_for(lambda: differing() == 0, "both sides to agree")
    unsettled = story.number("select count(*) n from outbox where state not in ('sent', 'folded')")
    if unsettled:
        raise Impatience(f"{unsettled} messages are not sent")
    story.wait_for_phones()
    return f"{len(story.corp.pairs())} relations equal WeCom's"


def _relations(runtime: Runtime) -> dict[tuple[str, str], str]:
    words = {"ended_by_customer": "deleted_by_customer", "ended_by_associate": "gone", "transferred": "gone"}
    with runtime.engine.begin() as connection:
        rows = connection.execute(text("select userid, external_userid, state from relation")).all()
    return {(userid, external): words.get(state, state) for userid, external, state in rows}


def _burst(story: Story, label: str) -> None:
    userids = list(ASSOCIATES)
    chosen = [userids[number % len(userids)] for number in range(BURST)]
    actions = [{"do": "add", "userid": u, "name": f"{label}客户{n}"} for n, u in enumerate(chosen)]
    story.corp.act(actions)
    for userid in chosen:
        story.expect(userid, "新客户")


STEPS: tuple[tuple[str, Callable[[Story], str]], ...] = (
    ("A corp with 2,000 customers is added", _first_sync),
    ("A customer adds an associate", _new_customer),
    ("The associate edits the remark", _edit),
    ("The customer removes their associate", _loss),
    ("The database is killed while events arrive", _database_killed),
    ("Everything else is killed while events arrive", _processes_killed),
    ("Both sides at the end", _same_end),
)


@click.command("demo")
def command() -> None:
    """Tell a bounded story against a simulated WeCom; exit 0 only if every step really happened.

    It runs in a folder of its own and leaves nothing behind.
    """
    given = load_settings()
    # It kills what it has started: warnings about that are part of the story.
    configure_logging(given.model_copy(update={"log_level": "error"}), process="demo")
    stopping = stop_on_signals()
    click.echo("Starting PostgreSQL, Valkey, the processes and a simulated WeCom ...")
    try:
        with (
            demo_settings(given) as settings,
            Stack(settings, simulator=True, gateways=2, extra=QUICK, stopping=stopping) as stack,
        ):
            interrupt_on_signals()
            passed = _play(stack)
    except (StartCancelledError, KeyboardInterrupt):
        raise click.Abort from None
    raise SystemExit(0 if passed else 1)


def _play(stack: Stack) -> bool:
    assert stack.simulator_url is not None
    corp = SimulatedCorp(stack.simulator_url)
    corp.create([stack.addresses["gateway"]])
    passed = _tell(Story(stack, corp, stack.open_runtime()))
    if not passed:
        _keep_logs(stack.home)
    return passed


def _tell(story: Story) -> bool:
    for number, (title, step) in enumerate(STEPS, start=1):
        click.echo(f"{number}. {title} ...")
        try:
            click.echo(f"   ok: {step(story)}")
        except (Impatience, DBAPIError, RuntimeError) as error:
            click.echo(f"   FAILED: {error}")
            return False
    _summary(story)
    return True


def _summary(story: Story) -> None:
    phones = story.phones()
    click.echo("\nSummary")
    acknowledged, stored = story.corp.get("/sim/callbacks")["acked"], story.number("select count(*) n from inbox")
    click.echo(f"  callbacks acknowledged       {acknowledged}")
    click.echo(f"  events in the inbox          {stored}")
    click.echo(f"  messages on the phones       {sum(phones.values())}, each once")
    for userid, (name, _) in ASSOCIATES.items():
        count = sum(number for (to, _), number in phones.items() if to == userid)
        click.echo(f"    {name} ({userid})".ljust(31) + str(count))
    click.echo("Every step really happened.")


def _keep_logs(home: Path) -> None:
    kept = Path(tempfile.mkdtemp(prefix="guanxi-demo-logs-"))
    for log in (home / "log").glob("*.log"):
        (kept / log.name).write_bytes(log.read_bytes())
    click.echo(f"The logs of the processes were kept in {kept}")
