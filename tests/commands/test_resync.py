"""`guanxi resync` starts full passes, shows how they go and says how they ended."""

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from commands.demo_corp import CORP_ID, record_demo_corp
from commands.following import follow
from tests.commands.conftest import Guanxi, at_work
from tests.sync_worker.conftest import Office

PROJECT = Path(__file__).resolve().parents[2]
ALL = ["directory", "tags", "customers", "chats"]


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with three customers."""
    made = make_office()
    made.corp.add_customers(3, userids=["LiNa"])
    record_demo_corp(made.runtime)
    made.walk()
    return made


def test_it_follows_the_passes_to_their_end(shop: Office, guanxi: Guanxi) -> None:
    """What no event told is found, and exit code 0 says that everything was read."""
    shop.corp.act({"do": "add", "userid": "WangFang", "name": "新客户", "silent": True})
    with at_work(shop):
        result = guanxi("resync", CORP_ID)
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.stdout.splitlines() if "rows in" in line] == [
        [name, "done:"] for name in ALL
    ]
    assert shop.rows("select count(*) from relation where state = 'active'") == [(4,)]
    assert shop.rows("select distinct asked_by from sync_run where kind = 'resync'") == [("operator",)]


def test_one_resource_of_one_associate(shop: Office, guanxi: Guanxi) -> None:
    """A part can be walked; the outcome is data on demand."""
    with at_work(shop):
        result = guanxi("resync", CORP_ID, "--resource", "customers", "--associate", "LiNa", "--json")
    (told,) = orjson.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert (told["resource"], told["state"], told["rows"], told["incomplete"]) == ("customers", "done", 3, [])
    assert shop.rows("select scope from sync_run where kind = 'resync'") == [(["LiNa"],)]


def test_an_incomplete_pass_says_where_and_why(make_office: Callable[..., Office], guanxi: Guanxi) -> None:
    """Exit code 1 with the associates that could not be read and WeCom's reason (peers' check 4)."""
    office = make_office(resync_tries=1)
    office.corp.add_customers(3, userids=["LiNa"])
    record_demo_corp(office.runtime)
    office.walk()
    office.corp.post("/sim/faults", {"path": "externalcontact/batch/get_by_user", "errcode": 60011, "times": 99})
    with at_work(office):
        result = guanxi("resync", CORP_ID, "--resource", "customers")
    assert result.exit_code == 1
    assert "customers  incomplete" in result.stdout
    assert "LiNa: externalcontact/batch/get_by_user" in result.stdout
    assert office.rows("select count(*) from relation where state = 'active'") == [(3,)]


def test_without_a_worker_it_says_what_to_do(shop: Office, guanxi: Guanxi) -> None:
    """Nothing moves: the reader is told to start a worker."""
    assert guanxi("resync", CORP_ID, "--resource", "tags", "--no-wait").exit_code == 0
    ((run_id,),) = shop.rows("select id from sync_run where kind = 'resync'")
    said = io.StringIO()

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(shop.runtime, shop.tenant, [run_id], console=Console(file=said), still_s=-1, sleep=interrupt)
    assert "tags cut 0 rows 0/0 blocks" in said.getvalue()
    assert "does a worker run? `guanxi worker` starts one" in said.getvalue()


def test_interrupted_it_leaves_the_passes_running(shop: Office, guanxi: Guanxi) -> None:
    """Ctrl-C ends the looking on, not the work, and says so."""
    command = [sys.executable, str(PROJECT / "guanxi.py"), "resync", CORP_ID, "--resource", "tags"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "tags cut" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, problem = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the passes go on without you" in problem
    assert shop.rows("select state from sync_run where kind = 'resync'") == [("walking",)]


def test_a_pass_that_is_open_is_followed_instead_of_doubled(shop: Office, guanxi: Guanxi) -> None:
    """One full pass over a resource at a time."""
    assert guanxi("resync", CORP_ID, "--resource", "customers", "--no-wait").exit_code == 0
    with at_work(shop):
        result = guanxi("resync", CORP_ID, "--resource", "customers")
    assert result.exit_code == 0, result.output
    assert shop.rows("select count(*) from sync_run where kind = 'resync'") == [(1,)]


def test_open_passes_are_listed_and_cancelled(shop: Office, guanxi: Guanxi) -> None:
    """What they have recorded stays; the list shows what became of them."""
    assert guanxi("resync", CORP_ID, "--no-wait").exit_code == 0
    assert guanxi("resync", CORP_ID, "--cancel", "--resource", "chats").stdout.startswith("1 passes")
    assert guanxi("resync", CORP_ID, "--cancel").stdout.startswith("3 passes")
    told = orjson.loads(guanxi("resync", "--list", "--json").stdout)
    assert {one["resource"]: one["state"] for one in told if one["kind"] == "resync"} == dict.fromkeys(ALL, "cancelled")
    assert "customers" in guanxi("resync", "--list").stdout


def test_the_passes_of_one_associate_are_not_cancelled_by_themselves(shop: Office, guanxi: Guanxi) -> None:
    """Who names one associate does not mean the passes over everybody: wrong use, and nothing is stopped."""
    assert guanxi("resync", CORP_ID, "--no-wait").exit_code == 0
    assert guanxi("resync", CORP_ID, "--cancel", "--associate", "LiNa").exit_code == 2
    assert shop.rows("select count(*) from sync_run where state = 'cancelled'") == [(0,)]


def test_a_corp_in_its_first_sync_has_no_resync(make_office: Callable[..., Office], guanxi: Guanxi) -> None:
    """The first sync reads everything anyway."""
    office = make_office()
    record_demo_corp(office.runtime)
    result = guanxi("resync")
    assert result.exit_code == 1
    assert "is in its first sync" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["ww-unknown"],
        [CORP_ID, "--associate", "Nobody"],
        [CORP_ID, "--associate", "LiNa", "--resource", "tags"],
        [CORP_ID, "--list", "--cancel"],
        [CORP_ID, "--list", "--associate", "LiNa"],
        [CORP_ID, "--list", "--resource", "tags"],
        [CORP_ID, "--resource", "people"],
    ],
)
def test_wrong_use_is_exit_code_2(shop: Office, guanxi: Guanxi, arguments: list[str]) -> None:
    """Nothing is started."""
    assert guanxi("resync", *arguments).exit_code == 2
    assert shop.rows("select count(*) from sync_run where kind = 'resync'") == [(0,)]
