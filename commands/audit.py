"""`guanxi audit`: who changed what, when, from where."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import orjson
from rich.console import Console
from rich.table import Column, Table

from commands.edit import corp_of
from commands.ids import a_text, an_id
from shared.audit import AuditLine, Sought, page_audit


@click.command("audit")
@click.argument("corp_id", type=an_id)
@click.option("--actor", type=a_text, help="Only theirs: operator:NAME, account:NAME, api:KEY, or a userid.")
@click.option("--action", type=a_text, help="Only this, such as customer.merged or plan.approved.")
@click.option("--kind", type=a_text, help="Only changes of this kind of subject, such as customer.")
@click.option("--key", type=a_text, help="Only of this subject; with --kind.")
@click.option("--since", metavar="TIME", help="From then on: 2026-11-20 or 2026-11-20T08:30, corp's time.")
@click.option("--until", metavar="TIME", help="Before then.")
@click.option("--before", metavar="TIME/ID", help="Older than this line: the next page.")
@click.option("--details", is_flag=True, help="With what the fields were and are: may hold personal data.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def command(
    corp_id: str,
    *,
    actor: str | None,
    action: str | None,
    kind: str | None,
    key: str | None,
    since: str | None,
    until: str | None,
    before: str | None,
    details: bool,
    limit: int,
    data: bool,
) -> None:
    """List who changed what of CORP_ID, when and from where, newest first (ACC-2).

    What the fields were and are is shown with --details only.

    \b
    guanxi audit ww0123456789abcdef --action customer.merged
    guanxi audit ww0123456789abcdef --kind customer --key 4711 --details
    """
    if key is not None and kind is None:
        raise click.UsageError("--key goes with --kind")
    runtime, tenant = corp_of(corp_id)
    place = None if before is None else _place(before)
    times = [None if one is None else _moment(one, tenant.timezone, name) for name, one in
             (("--since", since), ("--until", until))]  # fmt: skip
    with runtime.engine.begin() as connection:
        sought = Sought(actor, action, kind, key, *times)
        lines = page_audit(connection, tenant, sought, before=place, limit=limit, details=details)
    if data:
        click.echo(orjson.dumps([_as_data(one, details=details) for one in lines], option=orjson.OPT_INDENT_2))
    else:
        _show(lines, details=details)
    if len(lines) == limit:
        last = lines[-1]
        click.echo(f"only the newest {limit}; --before {last.at.isoformat()}/{last.id} shows older ones", err=True)


def _as_data(line: AuditLine, *, details: bool) -> dict[str, object]:
    return {name: value for name, value in line.__dict__.items() if details or name not in ("before", "after")}


def _show(lines: list[AuditLine], *, details: bool) -> None:
    names = ("when UTC", "who", "from", "what", "of", "changed")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for line in lines:
        of = f"{line.subject_kind} {line.subject_key}"
        changed = ", ".join(line.changed)
        if details:
            changed = orjson.dumps({"before": line.before, "after": line.after}).decode()
        table.add_row(f"{line.at:%Y-%m-%d %H:%M:%S}", line.actor, line.origin or "", line.action, of, changed)
    Console().print(table if lines else "nothing")


def _moment(text: str, timezone: str, option: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter("write 2026-11-20 or 2026-11-20T08:30", param_hint=option) from None


def _place(text: str) -> tuple[datetime, int]:
    at, _, id_ = text.rpartition("/")
    try:
        moment, number = datetime.fromisoformat(at), int(id_)
        if moment.tzinfo is None or not 0 <= number < 2**63:
            raise ValueError
    except ValueError:
        raise click.BadParameter("take it from the last line of the page before", param_hint="--before") from None
    return moment, number
