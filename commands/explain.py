"""`guanxi explain`: how something came to be as it is. Shows ids and codes, no names."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import click
import orjson

from commands.corps import chosen_corp, load_corps
from commands.explain_texts import Teller
from commands.ids import an_id
from services.explaining.model import KINDS, Account
from services.explaining.store import explain, tenants_of
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import Tenant

MOST = 100_000
"""So many moments fit into memory."""


@click.command("explain")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("id_", metavar="ID", type=an_id)
@click.option("--corp", "corp_id", metavar="CORP_ID", type=an_id, help="Needed when several corps know the id.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=200,
    show_default=True,
    help="The latest so many moments of the history.",
)
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Instead of the corp's own language.")
@click.option("--json", "data", is_flag=True, help="The same as data.")
def command(kind: str, id_: str, *, corp_id: str | None, limit: int, lang: str | None, data: bool) -> None:
    """Show how the customer, chat, tag, associate or outlet ID came to be as it is.

    Its rows with what brought each about, what is being done about it, and in order of time what events said, what was
    recorded and decided, and who was told. A customer's ID is the external_userid, or the number it has here; a tag's
    is that of a tag or of a group of tags. Exit code 1: nothing is known of it.
    """
    runtime = open_runtime(load_settings(), application="explain", pool_size=2)
    tenant = _corp_of(runtime, kind, id_, corp_id)
    with runtime.engine.begin() as connection:
        account = explain(connection, tenant.id, kind, id_, recent=limit)
    if account is None:
        raise click.ClickException(f"nothing is known of {kind} {id_} in {tenant.corp_id}")
    if data:
        click.echo(orjson.dumps(_as_data(tenant, account), option=orjson.OPT_INDENT_2))
        return
    for line in Teller(tenant, lang or tenant.language).tell(account):
        click.echo(line)


def _corp_of(runtime: Runtime, kind: str, key: str, corp_id: str | None) -> Tenant:
    tenants: Sequence[Tenant] = load_corps(runtime)
    if corp_id is not None or len(tenants) < 2:
        return chosen_corp(runtime, corp_id)
    with runtime.engine.begin() as connection:
        known = tenants_of(connection, kind, key, [tenant.id for tenant in tenants])
    found = [tenant for tenant in tenants if tenant.id in known]
    if not found:
        raise click.ClickException(f"nothing is known of {kind} {key} in any corp; one that is gone needs --corp")
    if len(found) > 1:
        raise click.UsageError(f"several corps know it, say --corp {' or '.join(one.corp_id for one in found)}")
    return found[0]


def _as_data(tenant: Tenant, account: Account) -> dict[str, object]:
    zone = ZoneInfo(tenant.timezone)
    told = {"corp_id": tenant.corp_id, "timezone": tenant.timezone, **asdict(account)}
    found = _local(told, zone)
    assert isinstance(found, dict)
    return found


def _local(value: object, zone: ZoneInfo) -> object:
    """Times as ISO in the corp's own time zone."""
    match value:
        case datetime():
            return value.astimezone(zone).isoformat()
        case dict():
            return {key: _local(part, zone) for key, part in value.items()}
        case list() | tuple():
            return [_local(part, zone) for part in value]
    return value
