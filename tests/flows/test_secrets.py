"""Secrets, tokens, phone numbers, bodies and messages are nowhere in the clear: logs, metrics, output, stored rows."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest
import requests
from redis import Redis
from sqlalchemy import text

from commands import demo_corp
from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from commands.stack import Stack, without_proxies
from commands.waiting import wait_for
from shared.settings import child_environment, load_settings
from shared.tenants import load_tenants
from tests.flows.world import World

PROJECT = Path(__file__).resolve().parents[2]
PHONE, OTHER_PHONE, THIRD_PHONE = "13800138042", "13900139042", "13700137042"
CUSTOMER, RENAMED, MEMBER = "欧阳小满", "司徒大满", "慕容新员工"
CHECK = ("corp", "check", CORP_ID)
COMMANDS = ((*CHECK, "--json"), ("corp", "list"), ("inbox", "list"), ("dead", "list"), ("doctor",))


@dataclass
class Kept:
    """What a running system leaves behind, by where: everything in bytes."""

    rows: dict[str, bytes]
    shown: dict[str, bytes]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One of each process, logging all they can, and a live corp with 20 customers."""
    settings = load_settings(home=tmp_path_factory.mktemp("home"), gateway_bind="127.0.0.1:0")
    extra = {"LEASE_S": "3", "LOG_LEVEL": "debug", "MESSAGE_BACKOFF_S": "[0.2]", "RECONCILE_BACKOFF_S": "[0.2]"}
    with Stack(settings, simulator=True, extra=extra) as stack:
        assert stack.simulator_url is not None
        corp = SimulatedCorp(stack.simulator_url)
        corp.create([stack.addresses["gateway"]])
        corp.add_customers(20, userids=list(demo_corp.ASSOCIATES))
        made = World(stack, corp, stack.open_runtime(), list(demo_corp.ASSOCIATES))
        record_demo_corp(made.runtime)
        wait_for(lambda: made.number("select count(*) n from tenant where state = 'live'") == 1, "the first sync")
        yield made


@pytest.fixture(scope="module")
def tokens(world: World) -> set[str]:
    """The access tokens of the story that is told here: the first, and the one after it was revoked."""
    found = {_token(world)}
    _live(world)
    found |= _refuse_and_revoke(world, found)
    _break(world)
    return found


def _live(world: World) -> None:
    """A customer with a phone number comes, is edited and goes; members and others with phones are told of."""
    pair = {"userid": "LiNa", "external_userid": world.add("LiNa", CUSTOMER, mobiles=[PHONE], remark=CUSTOMER)}
    world.wait_until_quiet()
    world.corp.act({"do": "edit", "mobiles": [PHONE, OTHER_PHONE], "remark": RENAMED, **pair})
    world.wait_until_quiet()
    world.corp.act({"do": "customer_deletes", **pair})
    hired = {"userid": "NewHire", "name": MEMBER, "mobile": THIRD_PHONE, "department": [2], "silent": True}
    world.corp.act({"do": "create_user", **hired})
    fields = {"UserID": "NewHire", "Name": MEMBER, "Mobile": THIRD_PHONE}
    event = {"event": "change_contact", "change_type": "create_user", "fields": fields}
    world.corp.post(f"/sim/corps/{CORP_ID}/emit", event)
    world.wait_until_quiet()
    assert len(world.corp.messages("LiNa")) >= 2


def _refuse_and_revoke(world: World, before: set[str]) -> set[str]:
    """A call is refused, a message is given up, the token ends: the next one."""
    world.corp.post("/sim/faults", {"path": "message/send", "errcode": 40058})
    world.corp.post("/sim/tokens/revoke", {})
    world.add("WangFang", CUSTOMER, mobiles=[PHONE])
    wait_for(lambda: _token(world) not in before, "another token")
    world.wait_until_quiet()
    assert world.number("select count(*) n from outbox where state = 'dead'") == 1
    return {_token(world)}


def _break(world: World) -> None:
    """Callbacks that cannot be read, one that is forged; WeCom refuses the app, and then is away."""
    gateway = f"{world.stack.addresses['gateway']}/callback/{CORP_ID}/main"
    query = {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "2"}
    assert world.corp.http.post(gateway, params=query, data=f"<xml>{PHONE}</xml>", timeout=10).status_code != 200
    world.corp.post(f"/sim/corps/{CORP_ID}/send_raw", {"plaintext": f"no XML {PHONE} {CUSTOMER}"})
    world.corp.post("/sim/faults", {"path": "externalcontact/get", "errcode": 48002})
    world.corp.act({"do": "add", "userid": "ZhangWei", "name": CUSTOMER, "mobiles": [PHONE]})
    wait_for(lambda: world.number("select count(*) n from request where last_error like '%48002%'") == 1, "a refusal")
    world.corp.post("/sim/faults", {"down": True})
    world.corp.act({"do": "add", "userid": "ZhaoMin", "name": CUSTOMER, "mobiles": [PHONE]})
    waiting = "select count(*) n from request where attempts > 0 and generation > settled_generation"
    wait_for(lambda: world.number(waiting) >= 2, "a call without an answer")
    world.corp.flush()


@pytest.fixture(scope="module")
def kept(world: World, tokens: set[str]) -> Kept:
    """Read after the story, `tokens` has told it; the commands run while WeCom is away, and again when it is back."""
    shown = _output(world, CHECK)
    world.corp.post("/sim/faults", {"clear": True})
    shown |= _output(world, *COMMANDS)
    for name, address in world.stack.addresses.items():
        shown[f"/metrics of {name}"] = requests.get(f"{address}/metrics", timeout=10).content
    for log in (world.stack.home / "log").glob("*.log"):
        if log.stem != "simulator":
            shown[log.name] = log.read_bytes()
    return Kept(_rows(world) | _queues(world), shown)


def _token(world: World) -> str:
    with world.runtime.engine.begin() as connection:
        (tenant,) = load_tenants(connection, world.runtime.vault)
        (value,) = connection.execute(text("select value from credential where kind = 'access_token'")).one()
    return tenant.cipher.decrypt(value, "app.access_token").decode() if value else ""


def _output(world: World, *commands: tuple[str, ...]) -> dict[str, bytes]:
    runtime = world.runtime
    assert runtime.settings.secret_key is not None
    env = child_environment(
        {
            "DATABASE_URL": world.stack.database_url,
            "REDIS_URL": world.stack.redis_url,
            "SECRET_KEY": runtime.settings.secret_key.get_secret_value(),
            "WECOM_BASE_URL": world.corp.simulator_url,
            "LOG_LEVEL": "debug",
        }
    )
    running = {
        f"guanxi {' '.join(command)}": subprocess.Popen(
            [sys.executable, str(PROJECT / "guanxi.py"), *command],
            env=without_proxies(env),
            cwd=world.stack.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for command in commands
    }
    return {name: process.communicate(timeout=60)[0] for name, process in running.items()}


def _rows(world: World) -> dict[str, bytes]:
    """Every value of every row; what is stored as bytes as these bytes."""
    found = {}
    with world.runtime.engine.begin() as connection:
        tables = connection.execute(
            text("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
        )
        for (table,) in tables.all():
            rows = connection.execute(text(f'select * from "{table}"')).all()
            found[f"table {table}"] = b"\n".join(_bytes(value) for row in rows for value in row)
    return found


def _queues(world: World) -> dict[str, bytes]:
    redis = Redis.from_url(world.stack.redis_url)
    reads = {
        "string": redis.get,
        "hash": redis.hgetall,
        "list": lambda key: redis.lrange(key, 0, -1),
        "set": redis.smembers,
        "zset": lambda key: redis.zrange(key, 0, -1),
    }
    return {f"Redis {key!r}": repr(reads[redis.type(key).decode()](key)).encode() for key in redis.scan_iter()}


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return value.encode() if isinstance(value, str) else orjson.dumps(value, default=str)


def _shapes(needle: str) -> set[bytes]:
    """A text as it is, and as JSON, addresses, base64 and hexadecimal digits show it."""
    raw = needle.encode()
    written = {needle, json.dumps(needle)[1:-1], quote(needle, safe=""), base64.b64encode(raw).decode().rstrip("=")}
    return {one.encode() for one in written} | {raw.hex().encode()}


def _seen(needles: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    return [
        f"{name} in {place}"
        for name, needle in needles.items()
        for place, content in places.items()
        if any(shape in content for shape in _shapes(needle))
    ]


def test_the_story_was_really_told(world: World, tokens: set[str], kept: Kept):
    """Without what could leak, finding nothing would say nothing."""
    assert len(tokens) == 2 and all(tokens)
    assert b"message.tried" in kept.shown["notifier.log"] and b"guanxi_wecom_calls" in kept.shown["/metrics of worker"]
    assert b"FAIL     " in kept.shown[f"guanxi corp check {CORP_ID}"]
    assert b'"state": "ok"' in kept.shown[f"guanxi corp check {CORP_ID} --json"]
    assert b"40058" in kept.shown["guanxi dead list"]
    for table in ("credential", "app", "receiver", "identity"):
        assert f"table {table}" in kept.rows
    assert world.number("select count(*) n from relation where remark_mobiles is not null") >= 1
    assert world.number("select count(*) n from outbox where body is not null") >= 2
    assert world.number("select count(*) n from inbox where state = 'failed'") == 1
    assert _seen({"a remark": RENAMED}, kept.rows)


def test_nothing_secret_or_personal_is_in_the_clear(world: World, tokens: set[str], kept: Kept):
    """Secrets, tokens, phone numbers and messages: not in rows, queues, logs, metrics or output."""
    assert world.runtime.settings.secret_key is not None
    needles = {
        "the secret key": world.runtime.settings.secret_key.get_secret_value(),
        "the app's secret": demo_corp.SECRET,
        "the callback token": demo_corp.TOKEN,
        "the AES key": demo_corp.AES_KEY,
        "a phone number": PHONE,
        "another phone number": OTHER_PHONE,
        "a member's phone number": THIRD_PHONE,
        "a message": f"新客户：{CUSTOMER}",
        "another message": "客户流失：",
        **{f"access token {number}": token for number, token in enumerate(tokens)},
    }
    assert not _seen(needles, kept.rows | kept.shown)


def test_names_are_neither_logged_nor_shown(kept: Kept):
    """Customers' names are stored in the clear; logs, metrics and output have ids only."""
    assert not _seen({"a customer": CUSTOMER, "a remark": RENAMED, "a member": MEMBER, "LiNa": "李娜"}, kept.shown)
