"""What is no id is wrong use, in every command that takes one, and never a crash."""

import pytest

from commands.demo_corp import CORP_ID
from shared.wecom.payloads.reading import LONGEST_ID
from tests.commands.conftest import Guanxi

NO_IDS = {"empty": "", "too long": "x" * (LONGEST_ID + 1), "no UTF-8": "LiNa\udcff", "a NUL": "Li\0Na"}
COMMANDS: list[list[str]] = [
    ["explain", "customer", "ID"],
    ["explain", "tag", "et1", "--corp", "ID"],
    ["plan", "ID"],
    ["plan", "--customer", "ID"],
    ["plan", "--chat", "ID"],
    ["resync", "ID"],
    ["resync", CORP_ID, "--associate", "ID"],
    ["approve", CORP_ID, "ID"],
    ["reassign", CORP_ID, "ID", "LiNa", "--by", "me"],
    ["reassign", CORP_ID, "wm1", "ID", "--by", "me"],
    ["corp", "check", "ID"],
    ["corp", "check", CORP_ID, "--send-to", "ID"],
]


@pytest.mark.parametrize("why", NO_IDS)
def test_what_is_no_id_is_wrong_use(guanxi: Guanxi, why: str) -> None:
    """Exit code 2 before anything is opened (idea 12)."""
    for arguments in COMMANDS:
        result = guanxi(*(NO_IDS[why] if one == "ID" else one for one in arguments))
        assert result.exit_code == 2, (arguments, result.exception)
        assert "an id has 1 to 256 characters" in result.output or "not UTF-8" in result.output, arguments


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve", CORP_ID, "000000000000", "--by", "me\udcff"],
        ["reassign", CORP_ID, "wm1", "LiNa", "--by", "me\udcff"],
        ["dead", "retry", "request:1:external_contact:wm\udcff"],
        ["dead", "list", "--limit", "-1"],
        ["inbox", "list", "--limit", "99999999999999999999"],
        ["plan", "--limit", "-1"],
        ["explain", "customer", "wm1", "--limit", "0"],
        ["explain", "customer", "wm1", "--limit", "99999999999999999999"],
    ],
)
def test_names_and_numbers_that_the_database_cannot_hold_are_wrong_use(guanxi: Guanxi, arguments: list[str]) -> None:
    """Exit code 2 before anything is opened (idea 12)."""
    assert guanxi(*arguments).exit_code == 2
