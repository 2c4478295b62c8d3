"""`guanxi api-key`: keys of the REST API."""

import click
from rich.console import Console
from rich.table import Table

from commands.auditing import BY, audited, writes
from commands.edit import corp_of
from commands.ids import a_text, an_id
from shared.api_keys import NameTakenError, Scope, list_keys, make_key, revoke_key
from shared.audit import Change
from shared.scope import DataScope

ALL = "all"


@click.group("api-key")
def command() -> None:
    """Make, list and revoke keys of the REST API (docs/api.md)."""


@command.command("add")
@click.argument("corp_id", type=an_id)
@click.argument("name", type=click.STRING)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([ALL, *(scope.value for scope in Scope)]),
    help="What the key may do; may be repeated.",
)
@click.option("--may-verify", is_flag=True, help="Believe what it calls verified: phones and e-mails it has proven.")
@click.option("--associate", type=an_id, metavar="USERID", help="It sees this associate's customers only.")
@click.option(
    "--department",
    "departments",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="ID",
    help="It sees the customers of this department's members only, not of departments under it; may be repeated.",
)
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who makes it.")
@writes("api_key.made")
def add(
    corp_id: str,
    name: str,
    *,
    scopes: tuple[str, ...],
    may_verify: bool,
    associate: str | None,
    departments: tuple[int, ...],
    by: str,
) -> None:
    """Make a key for CORP_ID, named after the system that will use it. It is shown once.

    \b
      guanxi api-key add ww0123456789abcdef crm --scope customers:read --scope customers:write --by "Chen Jing"
      curl -H "Authorization: Bearer gxk_..." http://127.0.0.1:8780/api/v1/customers
    """
    if not name.isprintable() or not 1 <= len(name) <= 60 or name != name.strip():
        raise click.BadParameter("a name has 1 to 60 printable characters")
    if associate and departments:
        raise click.UsageError("--associate or --department, not both")
    runtime, tenant = corp_of(corp_id)
    chosen = list(Scope) if ALL in scopes else [Scope(one) for one in scopes]
    try:
        with runtime.engine.begin() as connection:
            key = make_key(
                connection,
                tenant.id,
                name=name,
                scopes=chosen,
                may_verify=may_verify,
                by=by,
                now=runtime.clock.now(),
                sight=DataScope(associate, departments),
            )
            after = {"scopes": [one.value for one in chosen], "may_verify": may_verify}
            audited(connection, runtime, tenant, [Change("api_key.made", "api_key", name, after=after)], by=by)
    except NameTakenError as error:
        raise click.ClickException(str(error)) from None
    click.echo(key)
    click.echo("keep it now: it is not shown again, and only its hash is stored", err=True)


@command.command("list")
@click.argument("corp_id", type=an_id)
def list_(corp_id: str) -> None:
    """List the keys of CORP_ID with their scopes and last use; never the keys themselves."""
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        rows = list_keys(connection, tenant.id)
    table = Table("name", "scopes", "sees", "verifies", "made", "by", "last used", "revoked")
    for row in rows:
        times = [
            row[name].isoformat(timespec="minutes") if row[name] else "" for name in ("last_used_at", "revoked_at")
        ]
        made = row["created_at"].isoformat(timespec="minutes")
        verifies = "yes" if row["may_verify"] else ""
        sees = row["userid"] or "\n".join(f"department {one}" for one in row["department_ids"]) or "all"
        table.add_row(row["name"], "\n".join(row["scopes"]), sees, verifies, made, row["created_by"], *times)
    Console().print(table)


@command.command("revoke")
@click.argument("corp_id", type=an_id)
@click.argument("name")
@BY
@writes("api_key.revoked")
def revoke(corp_id: str, name: str, by: str | None) -> None:
    """Revoke the key NAME of CORP_ID: from the next request on nobody gets in with it."""
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        revoked = revoke_key(connection, tenant.id, name, now=runtime.clock.now())
        if revoked:
            audited(connection, runtime, tenant, [Change("api_key.revoked", "api_key", name)], by=by)
    if not revoked:
        raise click.ClickException(f"no key {name} that is valid; `guanxi api-key list {corp_id}` shows them")
    click.echo(f"revoked: {name}")
