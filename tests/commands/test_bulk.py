"""`guanxi bulk` and `guanxi tag-rule`: start, watch, pause, go on, cancel, and every row's outcome (TAG-3, TAG-5)."""

from collections.abc import Callable

import orjson
import pytest

from commands.demo_corp import CORP_ID
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office
from tests.sync_worker.wishing import Shop


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Shop:
    return Shop(make_office(deletion_lag_s=0))


def test_the_story_of_a_job(shop: Shop, guanxi: Guanxi) -> None:
    """Counted before, started, shown while it waits and when it is done, with a line for each relation."""
    gold = shop.tags[0]
    counted = guanxi("bulk", "tag", CORP_ID, "--add", gold, "--associate", "LiNa", "--by", "Chen Jing", "--count")
    assert "1 relations are meant; nothing is done" in counted.stdout
    started = guanxi("bulk", "tag", CORP_ID, "--add", gold, "--associate", "LiNa", "--by", "Chen Jing")
    assert "job 1 over 1 relations" in started.stdout
    shop.office.walk()
    shown = guanxi("bulk", "show", CORP_ID, "1")
    assert shown.exit_code == 0, shown.output
    assert "done, asked for by Chen Jing (person)" in shown.stdout
    assert "1 confirmed" in shown.stdout
    (line,) = guanxi("bulk", "rows", CORP_ID, "1", "--state", "confirmed").stdout.splitlines()
    row = orjson.loads(line)
    assert (row["external_userid"], row["userid"], row["tag_id"], row["on"]) == (shop.key, "LiNa", gold, True)
    assert guanxi("bulk", "rows", CORP_ID, "1", "--state", "refused").stdout == ""
    (listed,) = orjson.loads(guanxi("bulk", "list", CORP_ID, "--json").stdout)
    assert (listed["state"], listed["changes"]["confirmed"], listed["relations"]) == ("done", 1, 1)
    assert "Chen Jing" in guanxi("bulk", "list", CORP_ID).stdout


def test_a_job_is_paused_and_goes_on_and_is_cancelled(shop: Shop, guanxi: Guanxi) -> None:
    """Each command says what it did; one that does not fit says how the job stands."""
    guanxi("bulk", "tag", CORP_ID, "--add", shop.tags[0], "--by", "Chen Jing")
    assert "job 1 is paused" in guanxi("bulk", "pause", CORP_ID, "1").stdout
    shop.office.walk()
    assert shop.writes() == 0
    again = guanxi("bulk", "pause", CORP_ID, "1")
    assert (again.exit_code, "job 1 is paused" in again.output) == (1, True)
    assert "goes on" in guanxi("bulk", "resume", CORP_ID, "1").stdout
    assert "is cancelled" in guanxi("bulk", "cancel", CORP_ID, "1").stdout
    shop.office.walk()
    assert shop.writes() == 0
    assert "cancelled" in guanxi("bulk", "show", CORP_ID, "1").stdout
    assert "no job 7" in guanxi("bulk", "show", CORP_ID, "7").output


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "nothing to do"),
        (("--add", "etNone"), "no corp tag etNone"),
        (("--add", "x", "--added-since", "yesterday"), "does not match"),
    ],
)
def test_what_cannot_be_is_said_at_once(shop: Shop, guanxi: Guanxi, options: tuple[str, ...], why: str) -> None:
    """Nothing is kept of it."""
    result = guanxi("bulk", "tag", CORP_ID, "--by", "Chen Jing", *options)
    assert result.exit_code != 0
    assert why in result.output
    assert shop.office.rows("select 1 from bulk_job") == []


def test_the_story_of_a_rule(shop: Shop, guanxi: Guanxi) -> None:
    """It puts the tag on what lacks it, counts who takes it off, and ends."""
    added = guanxi("tag-rule", "add", CORP_ID, "必有", shop.kept, "--by", "Chen Jing", "--why", "每人都要")
    assert "rule 1 is in force; job 1" in added.stdout
    shop.office.walk()
    assert shop.pair()["tags"] == [shop.kept]
    shop.edit_there(tags=[])
    shop.office.want(shop.key)
    shop.office.reconcile()
    (rule,) = orjson.loads(guanxi("tag-rule", "list", CORP_ID, "--json").stdout)
    assert (rule["name"], rule["drift"], rule["deleted_in_wecom"]) == ("必有", 1, False)
    assert "必有" in guanxi("tag-rule", "list", CORP_ID).stdout
    twice = guanxi("tag-rule", "add", CORP_ID, "必有", shop.kept, "--by", "Chen Jing")
    assert "there is a rule '必有'" in twice.output
    assert "is over" in guanxi("tag-rule", "end", CORP_ID, "必有", "--by", "Chen Jing").stdout
    assert "no rule is in force" in guanxi("tag-rule", "list", CORP_ID).stdout
    assert guanxi("tag-rule", "end", CORP_ID, "必有", "--by", "Chen Jing").exit_code == 1
