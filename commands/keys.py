"""`guanxi keys`: the keys that secrets and personal data are encrypted with, and how they are changed."""

import time

import click
from rich.console import Console
from rich.table import Column, Table

from commands.auditing import writes
from commands.corps import load_corps
from commands.ids import a_text, an_id
from services.keys.columns import SEALED
from services.keys.model import ANNOUNCED, Rotation
from services.keys.pages import count_old
from services.keys.store import begin_rotation, last_rotation, open_rotation, rewrap, take_step, wrapped_rings
from shared.db.engine import transact
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import Tenant, load_tenants
from shared.vault import VaultError

LOOK_S = 1.0
SHOWN_EVERY = 20
"""Pages between two lines of progress."""


@click.group("keys")
def command() -> None:
    """Show and change the keys that secrets and personal data are encrypted with (docs/keys.md)."""


@command.command("status")
@click.argument("corp_id", type=an_id, required=False)
@click.option("--count", is_flag=True, help="Count the rows that older keys have made: reads all encrypted tables.")
def status(corp_id: str | None, count: bool) -> None:
    """The keys of CORP_ID, or of every corp: whether the present, the previous or another
    secret key wraps them, how many there are, and the last change."""
    runtime = _runtime()
    columns = ("corp", "secret key", "makes with", "keys", "last change", *(["older rows"] if count else []))
    table = Table(*(Column(name, overflow="fold") for name in columns))
    with runtime.engine.begin() as connection:
        for tenant_id, name, wrapped in wrapped_rings(connection):
            if corp_id in (None, name):
                try:
                    ring, current = runtime.vault.unwrap(wrapped), runtime.vault.is_current(wrapped)
                except VaultError:
                    table.add_row(name, "another one", *[""] * (len(columns) - 2))
                    continue
                last = last_rotation(connection, tenant_id)
                told = (last["state"], f"{last['changed_count']} rows", last["started_by"]) if last else ()
                more = [str(_old(runtime, tenant_id))] if count else []
                by = "present" if current else "previous"
                table.add_row(name, by, str(ring.current), str(len(ring.keys)), "\n".join(told), *more)
    Console().print(table)


@command.command("rewrap")
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who does it.")
@writes("keys.rewrap")
def rewrap_(by: str) -> None:
    """Wrap the keys of all corps with GUANXI_SECRET_KEY; GUANXI_SECRET_KEY_PREVIOUS may be forgotten then.

    \b
    To change the secret key, nothing being stopped:
      1. set GUANXI_SECRET_KEY to the new key and GUANXI_SECRET_KEY_PREVIOUS to the old one; restart all processes,
         one after the other
      2. guanxi keys rewrap --by "Chen Jing"
      3. remove GUANXI_SECRET_KEY_PREVIOUS, and restart them again whenever it suits
    """
    runtime = _runtime()
    changed = [one.corp_id for one in _corps(runtime) if _rewrapped(runtime, one, by=by)]
    click.echo(f"{len(changed)} corps wrapped anew" if changed else "nothing to do: the present secret key wraps all")


@command.command("rotate-data")
@click.argument("corp_id", type=an_id)
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it.")
@click.option("--no-wait", is_flag=True, help="Do what is due now; call it again later for the rest.")
@writes("keys.rotate")
def rotate_data(corp_id: str, by: str, no_wait: bool) -> None:
    """Give CORP_ID a new data key and make all its encrypted values anew with it, while everything goes on.

    It may be interrupted and called again, and goes on where it stopped. First all processes come to know the key, then
    they use it, then what there is is made anew; between these it waits for GUANXI_KEY_SETTLE_S. Older keys are kept to
    open what turns up later (backups, spools). What searches compare is made with a key of its own that stays.
    """
    runtime = _runtime()
    tenant = next((one for one in _corps(runtime) if one.corp_id == corp_id), None)
    if tenant is None:
        raise click.ClickException(f"no corp {corp_id}; `guanxi corp list` shows those that are there")
    settle_s = runtime.settings.key_settle_s
    begun = transact(
        runtime.engine,
        lambda connection: begin_rotation(
            connection, runtime.vault, tenant, by=by, now=runtime.clock.now(), settle_s=settle_s
        ),
    )
    click.echo("a new key, which all processes come to know first" if begun else "going on with the change under way")
    _work_off(runtime, tenant, wait=not no_wait)


def _work_off(runtime: Runtime, tenant: Tenant, *, wait: bool) -> None:
    steps, shown = 0, ""
    while (one := _look(runtime, tenant)) is not None:
        taken = transact(
            runtime.engine,
            lambda connection: take_step(
                connection,
                runtime.vault,
                tenant.id,
                now=runtime.clock.now(),
                settle_s=runtime.settings.key_settle_s,
            ),
        )
        steps += taken
        line = _described(one)
        if line != shown and (not taken or steps % SHOWN_EVERY == 0):
            click.echo(line)
            shown = line
        if not taken:
            if not wait:
                click.echo(f"call it again after {one.ready_at.isoformat(timespec='seconds')}")
                return
            time.sleep(LOOK_S)
    _tell_end(runtime, tenant)


def _described(one: Rotation) -> str:
    if one.table is None:
        what = "know key" if one.state == ANNOUNCED else "make values with key"
        return f"all processes {what} {one.number} at {one.ready_at.isoformat(timespec='seconds')}"
    return f"{one.changed_count} rows made anew; at table {one.table}"


def _tell_end(runtime: Runtime, tenant: Tenant) -> None:
    with runtime.engine.begin() as connection:
        last = last_rotation(connection, tenant.id)
    assert last is not None
    click.echo(f"done: {last['changed_count']} rows made anew with key {last['number']}")
    if last["unreadable_count"]:
        raise click.ClickException(
            f"{last['unreadable_count']} values open with no key of this corp and were left as they are: "
            "were they restored from a backup of another time?"
        )


def _look(runtime: Runtime, tenant: Tenant) -> Rotation | None:
    with runtime.engine.begin() as connection:
        return open_rotation(connection, tenant.id)


def _old(runtime: Runtime, tenant_id: int) -> int:
    with runtime.engine.begin() as connection:
        (tenant,) = [one for one in load_tenants(connection, runtime.vault) if one.id == tenant_id]
        return sum(count_old(connection, tenant, one) for one in SEALED)


def _rewrapped(runtime: Runtime, tenant: Tenant, *, by: str) -> bool:
    with runtime.engine.begin() as connection:
        return rewrap(connection, runtime.vault, tenant, by=by, now=runtime.clock.now())


def _corps(runtime: Runtime) -> list[Tenant]:
    """
    Raises:
        ClickException: one opens with neither secret key.
    """
    try:
        return load_corps(runtime)
    except VaultError:
        raise click.ClickException(
            "a corp's keys open neither with GUANXI_SECRET_KEY nor with GUANXI_SECRET_KEY_PREVIOUS; "
            "`guanxi keys status` shows which"
        ) from None


def _runtime() -> Runtime:
    return open_runtime(load_settings(), application="keys", pool_size=2)
