"""Whatever a person changes by a command leaves a line in the audit, in the transaction of the change (ACC-2)."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import orjson
import pytest

from commands.auditing import MARK
from commands.demo_corp import CORP_ID
from guanxi import COMMANDS
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office
from tests.sync_worker.wishing import Shop

CHANGES_NOTHING = {
    # processes, and what tries, shows or sets up this installation
    *("up", "demo", "gateway", "worker", "notifier", "scheduler", "console", "simulator", "migrate", "psql", "shell"),
    *("corp list", "corp check", "api-key list", "plan", "explain", "tags list", "transfer list", "transfer show"),
    *("transfer unassigned", "intents", "bulk list", "bulk show", "bulk rows", "tag-rule list", "webhook list"),
    *("webhook test", "webhook deliveries", "inbox counts", "inbox list", "inbox show", "dead list", "doctor"),
    *("audit", "keys status"),
}


def leaves() -> Iterator[tuple[str, click.Command]]:
    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        if not isinstance(command, click.Group):
            yield name, command
            return
        for part, one in command.commands.items():
            yield from walk(f"{name} {part}", one)

    for name, (module, _) in COMMANDS.items():
        yield from walk(name, importlib.import_module(module).command)


@pytest.mark.parametrize(("name", "command"), list(leaves()), ids=[name for name, _ in leaves()])
def test_a_command_changes_nothing_or_is_audited(name: str, command: click.Command) -> None:
    """A new command is named above, or marked with what it writes and takes --by (ACC-2)."""
    if name in CHANGES_NOTHING:
        assert not hasattr(command.callback, MARK)
        return
    assert getattr(command.callback, MARK, ()), f"guanxi {name} writes, and leaves no line in the audit"
    assert any("--by" in parameter.opts for parameter in command.params)


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Shop:
    return Shop(make_office(deletion_lag_s=0))


def lines(shop: Shop) -> list[tuple[str, str, str]]:
    return shop.office.rows("select action, actor, subject_kind from audit order by id")  # type: ignore[return-value]


def test_each_leaves_its_line_with_who_did_it(shop: Shop, guanxi: Guanxi, tmp_path: Path) -> None:
    """Wishes, rules, jobs, keys, passes, endpoints and letters; what changes nothing leaves none (ACC-2)."""
    tag, by = shop.tags[0], ("--by", "Chen Jing")
    corp = tmp_path / "corp.toml"
    corp.write_text(f'corp_id = "{CORP_ID}"\nname = "Example"\n')
    with shop.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into request (tenant_id, subject_kind, subject_key, cause, first_due_at, next_try_at, dead_at) "
            "select id, 'tag', 'etDead', 'event', now(), now(), now() from tenant"
        )
        tenant_id = connection.exec_driver_sql("select id from tenant").scalar_one()
    ran = (
        (("edit", CORP_ID, shop.key, "LiNa", "--remark", "老友", *by), "relation.wished", "customer"),
        (("tags", "rename", CORP_ID, tag, "新名", *by), "tags.wished", "tag_catalogue"),
        (("bulk", "tag", CORP_ID, "--add", tag, *by), "bulk.started", "bulk_job"),
        (("bulk", "pause", CORP_ID, "1", *by), "bulk.paused", "bulk_job"),
        (("bulk", "resume", CORP_ID, "1", *by), "bulk.resumed", "bulk_job"),
        (("bulk", "cancel", CORP_ID, "1", *by), "bulk.cancelled", "bulk_job"),
        (("tag-rule", "add", CORP_ID, "vip", tag, *by), "tag_rule.made", "tag_rule"),
        (("tag-rule", "end", CORP_ID, "vip", *by), "tag_rule.ended", "tag_rule"),
        (("api-key", "add", CORP_ID, "crm", "--scope", "all", *by), "api_key.made", "api_key"),
        (("api-key", "revoke", CORP_ID, "crm", *by), "api_key.revoked", "api_key"),
        (("resync", CORP_ID, "--no-wait", *by), "resync.started", "corp"),
        (("resync", CORP_ID, "--cancel", *by), "resync.cancelled", "corp"),
        (("dead", "retry", f"request:{tenant_id}:tag:etDead", *by), "dead.retried", "dead"),
        (("webhook", "add", CORP_ID, "https://crm.example.com/x?token=1", *by), "webhook.made", "webhook_endpoint"),
        (("webhook", "pause", "1", *by), "webhook.paused", "webhook_endpoint"),
        (("webhook", "resume", "1", *by), "webhook.active", "webhook_endpoint"),
        (("webhook", "rotate", "1", *by), "webhook.rotated", "webhook_endpoint"),
        (("webhook", "resend", "1", "--dead", *by), "webhook.resent", "webhook_endpoint"),
        (("webhook", "remove", "1", "--yes", *by), "webhook.removed", "webhook_endpoint"),
        (("corp", "add", str(corp), *by), "corp.recorded", "corp"),
    )
    for arguments, _, _ in ran:
        result = guanxi(*arguments)
        assert result.exit_code == 0, (arguments, result.output)
    assert lines(shop) == [(action, "operator:Chen Jing", kind) for _, action, kind in ran]
    guanxi("bulk", "tag", CORP_ID, "--add", tag, *by, "--count")
    guanxi("resync", CORP_ID, "--list")
    guanxi("edit", CORP_ID, shop.key, "LiNa", "--remark", "老" * 21, *by)
    assert len(lines(shop)) == len(ran)


def test_without_a_name_the_account_of_the_machine_stands_there(shop: Shop, guanxi: Guanxi) -> None:
    """Nobody acts nameless (ACC-2)."""
    assert guanxi("resync", CORP_ID, "--no-wait").exit_code == 0
    ((_, actor, _),) = lines(shop)
    assert actor.startswith("account:") and len(actor) > len("account:")


def test_the_audit_is_listed_with_its_details_on_request_only(shop: Shop, guanxi: Guanxi) -> None:
    """Who, what, when; filters and pages; what fields were and are with --details (ACC-2, G10)."""
    for text in ("老友", "新友", "好友"):
        guanxi("edit", CORP_ID, shop.key, "LiNa", "--remark", text, "--by", "Chen Jing")
    guanxi("api-key", "add", CORP_ID, "crm", "--scope", "all", "--by", "Zhou")
    shown = guanxi("audit", CORP_ID)
    assert "老友" not in shown.stdout and "LiNa" in shown.stdout
    assert "好友" in guanxi("audit", CORP_ID, "--details", "--json").stdout
    found = orjson.loads(guanxi("audit", CORP_ID, "--actor", "operator:Zhou", "--json").stdout)
    assert [(one["action"], one["subject_key"]) for one in found] == [("api_key.made", "crm")]
    first = guanxi("audit", CORP_ID, "--limit", "3", "--json")
    before = first.stderr.split("--before ")[1].split()[0]
    rest = orjson.loads(guanxi("audit", CORP_ID, "--json", "--before", before).stdout)
    assert [one["id"] for one in orjson.loads(first.stdout) + rest] == [4, 3, 2, 1]
    assert guanxi("audit", CORP_ID, "--before", "x").exit_code == 2
    assert orjson.loads(guanxi("audit", CORP_ID, "--until", "2020-01-01", "--json").stdout) == []
