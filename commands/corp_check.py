"""`guanxi corp check`: may Guanxi do in WeCom what it needs to do?"""

from collections.abc import Sequence
from dataclasses import asdict

import click
import orjson

from commands.corp_findings import FAILED, Finding
from commands.corp_probes import probe
from commands.ids import an_id
from shared.ids import UserId
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.telemetry import errors_only
from shared.tenants import Tenant, load_tenants
from shared.wecom.clients import Clients

# As wide as the longest state.
COLUMN = 9


@click.command("check")
@click.argument("corp_id", type=an_id)
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Instead of the corp's own language.")
@click.option("--json", "as_json", is_flag=True, help="The same as data.")
@click.option("--send-to", "send_to", metavar="USERID", type=an_id, help="Really send a short message to this member.")
def check(corp_id: str, *, lang: str | None, as_json: bool, send_to: str | None) -> None:
    """Try what Guanxi needs to do in WeCom for CORP_ID, and say in plain words what is missing and where to set it.

    Nothing is changed in WeCom, and no message is sent without --send-to. Exit code 1 when something is missing.
    """
    runtime = open_runtime(load_settings(), application="corp", pool_size=2)
    with runtime.engine.begin() as connection:
        tenants = load_tenants(connection, runtime.vault, corp_id=corp_id)
    if not tenants:
        raise click.BadParameter(f"no corp {corp_id}; `guanxi corp list` shows those that are there")
    with errors_only():
        results = [
            (tenant, _look(runtime, tenant, language=lang or tenant.language, send_to=send_to)) for tenant in tenants
        ]
    if as_json:
        click.echo(orjson.dumps([_as_data(*one) for one in results], option=orjson.OPT_INDENT_2))
    else:
        for tenant, findings in results:
            _show(tenant, findings, named=len(results) > 1)
    raise SystemExit(1 if any(finding.state == FAILED for _, findings in results for finding in findings) else 0)


def _look(runtime: Runtime, tenant: Tenant, *, language: str, send_to: str | None) -> Sequence[Finding]:
    clients = Clients(runtime, connections=2)
    return probe(runtime, clients, tenant, language=language, send_to=UserId(send_to) if send_to else None)


def _show(tenant: Tenant, findings: Sequence[Finding], *, named: bool) -> None:
    if named:
        click.echo(f"{tenant.corp_id} / {tenant.subject}")
    for finding in findings:
        click.echo(f"{finding.state:<{COLUMN}}{finding.text}")
        if finding.advice:
            click.echo(f"{'':<{COLUMN}}→ {finding.advice}")


def _as_data(tenant: Tenant, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "corp_id": tenant.corp_id,
        "subject": tenant.subject,
        "ok": all(finding.state != FAILED for finding in findings),
        "checks": [asdict(finding) for finding in findings],
    }
