"""`guanxi corp check` tells each thing that is missing apart, in plain words, and goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from commands.corp import command
from shared.clock import SystemClock
from shared.db.engine import make_engine, run
from shared.embedded import EmbeddedServers
from shared.tenants import record_corp
from shared.vault import Vault
from tests.conftest import database_url_of
from tests.shared.corps import AES_KEY, APP_SECRET, CORP, SECRETS, TOKEN, corp_file

SECRET_KEY = "a secret key of these tests, long enough"
DIRECTORY_SECRET = "the-contact-sync-secret-that-nobody-may-see"
AGENT_ID = 1000002
APP = {"name": "Guanxi", "secret": APP_SECRET, "agent_id": AGENT_ID}
DIRECTORY_APP = {"name": "directory", "secret": DIRECTORY_SECRET, "agent_id": 0, "kind": "directory"}
NAME, CUSTOMER_NAME, PHONE = "李娜", "王小明", "13800138000"
BOTH_APPS = {
    "contact": {"agent_id": AGENT_ID, "secret": APP_SECRET},
    "directory": {"secret": DIRECTORY_SECRET},
}

Check = Callable[..., Result]


class Sim:
    """The simulator's control API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, path: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        answer = requests.request(method, f"{self.url}/sim/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def corp(self, path: str, body: Any = None) -> Any:
        return self(f"corps/{CORP}/{path}", body)

    def apps(self, *apps: dict[str, Any]) -> None:
        self("corps", {"corp_id": CORP, "apps": list(apps)})


@pytest.fixture(scope="module")
def database_url(servers: EmbeddedServers, template: str) -> Iterator[str]:
    """One for all tests here; `check` empties it."""
    admin = make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"create database corp_check template {template}"))
        yield database_url_of(servers, "corp_check")
        connection.execute(text("drop database corp_check with (force)"))
    admin.dispose()


@pytest.fixture
def sim(simulator_url: str) -> Sim:
    """A corp with both apps, two members and a customer of LiNa's."""
    made = Sim(simulator_url)
    made("reset", {})
    made.apps(APP, DIRECTORY_APP)
    made.corp("departments", [{"id": 1, "name": "总部"}, {"id": 2, "name": "一店"}])
    made.corp("members", [{"userid": "LiNa", "name": NAME, "department": [2]}, {"userid": "ZhaoMin", "name": "赵敏"}])
    made.corp("act", {"do": "add", "userid": "LiNa", "name": CUSTOMER_NAME, "mobiles": [PHONE]})
    return made


@pytest.fixture
def check(
    sim: Sim,
    engine: Engine,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Check:
    """The command, for the corp as its file says with `changes`."""
    monkeypatch.chdir(tmp_path)
    values = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET_KEY, "WECOM_BASE_URL": sim.url}
    for name, value in values.items():
        monkeypatch.setenv(f"GUANXI_{name}", value)

    with engine.begin() as connection:
        run(connection, "truncate tenant, app, receiver, credential, api_budget, circuit cascade")

    def invoke(*arguments: str, corp_id: str = CORP, configured: str = CORP, **changes: Any) -> Result:
        with engine.begin() as connection:
            now = SystemClock(None).now()
            record_corp(
                connection,
                Vault(SECRET_KEY),
                corp_file(**{"corp_id": configured, "apps": BOTH_APPS, **changes}),
                now=now,
            )
        return CliRunner().invoke(command, ["check", corp_id, *arguments])

    return invoke


def lines(result: Result) -> dict[tuple[str, str | None], dict[str, Any]]:
    """(check, app) -> line, of a run with --json."""
    (found,) = orjson.loads(result.stdout)
    assert found["corp_id"] == CORP and found["ok"] == (result.exit_code == 0)
    return {(line["check"], line["app"]): line for line in found["checks"]}


def failed(result: Result) -> dict[tuple[str, str | None], int | None]:
    assert result.exit_code == 1, result.output
    return {key: line["code"] for key, line in lines(result).items() if line["state"] == "FAIL"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_when_all_is_well_every_line_is_ok(check: Check, sim: Sim, language: str):
    """Exit code 0; no secret, token, name or phone number is shown, and no message is sent."""
    result = check("--lang", language)
    assert result.exit_code == 0, result.output
    assert all(line.startswith("ok ") for line in result.output.splitlines())
    assert ("成员详情" in result.output) == (language == "zh")
    for hidden in (*SECRETS, DIRECTORY_SECRET, NAME, CUSTOMER_NAME, PHONE):
        assert hidden not in result.output
    assert not sim.corp("messages")


def test_the_language_is_the_corps_own_unless_told_otherwise(check: Check):
    """A corp's file says zh or en."""
    assert "customer groups" in check(language="en").output
    assert "客户群" in check(language="zh").output


def test_all_lines_are_there_whatever_fails(check: Check, sim: Sim):
    """A missing permission does not hide what else is missing."""
    well = lines(check("--json"))
    sim.apps({**APP, "customer_contact": False}, DIRECTORY_APP)
    assert lines(check("--json")).keys() == well.keys()


def test_an_app_that_may_not_call_customer_contact(check: Check, sim: Sim):
    """48002 on customers, with the place in the console; members can still be read."""
    sim.apps({**APP, "customer_contact": False}, DIRECTORY_APP)
    result = check("--json", "--lang", "zh")
    assert failed(result) == {(name, "contact"): 48002 for name in ("follow_users", "tags", "unassigned")}
    assert "可调用接口的应用" in lines(result)["follow_users", "contact"]["advice"]


def test_a_department_outside_the_visible_range(check: Check, sim: Sim):
    """60011, and where the range is set."""
    sim.apps({**APP, "visible": ["LiNa"]}, DIRECTORY_APP)
    result = check("--json", "--lang", "en")
    assert failed(result) == {("department", "contact"): 60011}
    assert "可见范围" in lines(result)["department", "contact"]["advice"]


def test_an_address_that_wecom_does_not_trust_is_named(check: Check, sim: Sim):
    """60020 with the address that WeCom saw; the app's other lines say why they were not tried."""
    sim.apps({**APP, "trusted_ips": ["192.0.2.1"]}, DIRECTORY_APP)
    result = check("--json", "--lang", "zh")
    assert failed(result) == {("address", "contact"): 60020}
    line = lines(result)["address", "contact"]
    assert line["address"] == "127.0.0.1" and "127.0.0.1" in line["text"] and "企业可信IP" in line["advice"]
    assert lines(result)["tags", "contact"]["state"] == "skipped"
    assert lines(result)["member_ids", "directory"]["state"] == "ok"


def test_contact_syncs_secret_in_place_of_an_apps(check: Check, sim: Sim):
    """48002 on customers, 48009 on details, and what to put there instead."""
    sim.apps(APP, {**DIRECTORY_APP, "new_ips": ["*"]})
    swapped = {"contact": {"agent_id": AGENT_ID, "secret": DIRECTORY_SECRET}}
    result = check("--json", "--lang", "en", apps=swapped)
    assert failed(result) == {
        ("follow_users", "contact"): 48002,
        ("tags", "contact"): 48002,
        ("unassigned", "contact"): 48002,
        ("sending", "contact"): 48002,
        ("department", "contact"): 48009,
    }
    assert "[apps.contact]" in lines(result)["department", "contact"]["advice"]


def test_an_apps_secret_in_place_of_contact_syncs(check: Check):
    """Only contact sync may list all members."""
    swapped = {**BOTH_APPS, "directory": {"secret": APP_SECRET}}
    result = check("--json", apps=swapped)
    assert failed(result) == {("member_ids", "directory"): 48002}
    assert "通讯录同步" in lines(result)["member_ids", "directory"]["advice"]


def test_a_wrong_secret(check: Check):
    """40001 on its own line; the other app is not affected."""
    wrong = {**BOTH_APPS, "contact": {"agent_id": AGENT_ID, "secret": "a-wrong-secret"}}
    result = check("--json", apps=wrong)
    assert failed(result) == {("secret", "contact"): 40001}
    assert lines(result)["department_ids", "directory"]["state"] == "ok"


def test_a_secret_that_was_put_right_in_the_console_is_believed_at_once(check: Check, sim: Sim):
    """A refusal is remembered for five minutes, but not against the person who asks."""
    sim.apps({**APP, "disabled": True}, DIRECTORY_APP)
    assert failed(check("--json")) == {("secret", "contact"): 50003}
    sim.apps(APP, DIRECTORY_APP)
    assert check().exit_code == 0


def test_a_corp_that_wecom_does_not_know(check: Check):
    """40013: the corp id is wrong."""
    result = check("--json", corp_id="wwunknown", configured="wwunknown")
    found = orjson.loads(result.stdout)[0]["checks"]
    assert {line["code"] for line in found if line["state"] == "FAIL"} == {40013}
    assert result.exit_code == 1


@pytest.mark.parametrize(("agent_id", "code"), [(1000009, 40056), (0, 301002), (None, None)])
def test_an_agent_id_that_is_not_the_secrets(check: Check, agent_id: int | None, code: int | None):
    """Of no app, of another app, or missing in the corp's file."""
    apps = {**BOTH_APPS, "contact": {"agent_id": agent_id, "secret": APP_SECRET}}
    assert failed(check("--json", apps=apps)) == {("sending", "contact"): code}


def test_no_receiver(check: Check):
    """Without a callback address of an app, customers' events do not arrive."""
    result = check("--json", "--lang", "en", receivers={})
    assert failed(result) == {("receiver", None): None}
    directory = {"directory": {"kind": "directory", "token": TOKEN, "encoding_aes_key": AES_KEY}}
    assert failed(check("--json", receivers=directory)) == {("receiver", None): None}


def test_customer_contact_is_off_for_everybody(check: Check, sim: Sim):
    """An empty list is no success."""
    sim.corp("act", [{"do": "function_off", "userid": userid} for userid in ("LiNa", "ZhaoMin")])
    result = check("--json", "--lang", "zh")
    assert failed(result) == {("follow_users", "contact"): None}
    assert "客户联系 → 权限配置" in lines(result)["follow_users", "contact"]["advice"]
    assert lines(result)["customers", "contact"]["state"] == "skipped"


def test_wecom_cannot_be_reached(check: Check, monkeypatch: pytest.MonkeyPatch):
    """One line fails, the others say why they were not tried; the receiver needs no network."""
    monkeypatch.setenv("GUANXI_WECOM_BASE_URL", "http://127.0.0.1:1")
    result = check("--json")
    assert failed(result) == {("reach", "contact"): None}
    assert {line["state"] for key, line in lines(result).items() if key[0] not in ("reach", "receiver")} == {"skipped"}
    assert lines(result)["receiver", None]["state"] == "ok"


def test_no_contact_app(check: Check):
    """Its name in the corp's file matters."""
    result = check("--json", apps={"other": {"secret": APP_SECRET}}, receivers={})
    assert failed(result) == {("app", "contact"): None, ("receiver", None): None}


def test_a_message_is_sent_only_on_demand(check: Check, sim: Sim):
    """--send-to is the one way; somebody out of sight is reported."""
    assert check("--send-to", "LiNa").exit_code == 0
    assert [message["userid"] for message in sim.corp("messages")] == ["LiNa"]
    assert failed(check("--json", "--send-to", "Nobody")) == {("sending", "contact"): 81013}


def test_an_unknown_corp_is_wrong_use(check: Check):
    """Exit code 2."""
    assert check(corp_id="wwother").exit_code == 2
