"""`guanxi doctor`: is this installation well?"""

from collections.abc import Callable
from datetime import timedelta

import click

from commands.advice import advice_for
from commands.corps import NAMES
from commands.leaver_findings import leaver_findings
from commands.webhook_findings import webhook_findings
from services.differences.samples import load_checks
from shared import inbox, outbox, requests, urgent
from shared.db.engine import fetch_all, fetch_one
from shared.errors import RetryableError, TerminalError
from shared.runtime import Runtime, open_runtime
from shared.settings import NEVER, load_settings
from shared.sync_times import load_times
from shared.tenants import load_tenants, load_unopened
from shared.wecom.standing import load_obstacles

OLDEST_PASS = timedelta(days=3)
"""Since the last complete pass over a resource, where passes start by the clock."""


@click.command("doctor")
def command() -> None:
    """Check settings, servers, keys and backlogs; each line says what was found and what to do. Changes nothing."""
    runtime = open_runtime(load_settings(), application="doctor", pool_size=2)
    checks: list[Callable[[Runtime], str]] = [
        *(_servers, _schema, _keys, _wecom),
        *(_inbox, _welcomes, _requests, _outbox, _webhooks, _leavers, _plans, _passes),
    ]
    failed = 0
    for check in checks:
        try:
            click.echo(f"ok    {check(runtime)}")
        except Exception as error:
            known = isinstance(error, _Ill | RetryableError | TerminalError)
            found = str(error) if known else advice_for(error)
            if found is None:
                raise
            failed += 1
            click.echo(f"FAIL  {found}")
    raise SystemExit(1 if failed else 0)


class _Ill(Exception):
    """Something is wrong; the text says what to do."""


def _servers(runtime: Runtime) -> str:
    for name, check in runtime.checks().items():
        try:
            check()
        except Exception as error:
            raise _Ill(
                f"{name} does not answer ({type(error).__name__}): is it running, is its address right?"
            ) from None
    return "database and Redis answer"


def _schema(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        row = fetch_one(connection, "select to_regclass('alembic_version') is not null as there")
        if row is None or not row["there"]:
            raise _Ill("the database is empty: run `guanxi migrate`")
        version = fetch_one(connection, "select version_num from alembic_version")
    return f"schema {version['version_num'] if version else '?'}"


def _keys(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        unopened = load_unopened(connection, runtime.vault)
        if unopened:
            raise _Ill(f"GUANXI_SECRET_KEY does not open the stored keys of {', '.join(unopened)}: was it changed? "
                       "Nothing goes on for them, and their callbacks are not taken")  # fmt: skip
        tenants = load_tenants(connection, runtime.vault)
    return f"{len(tenants)} corps, all keys open"


def _wecom(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        found = list(load_obstacles(connection, now=runtime.clock.now()))
    if found:
        raise _Ill("; ".join(found))
    return "WeCom: nothing closed, nothing refused"


def _inbox(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        counts, oldest = inbox.count_by_state(connection), inbox.oldest_new(connection)
    late = (runtime.clock.now() - oldest).total_seconds() if oldest else 0.0
    if late > 60:
        raise _Ill(f"the oldest new callback waits since {late:.0f} s: does a worker run?")
    return "inbox " + (", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "empty")


def _welcomes(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        oldest = urgent.oldest_urgent(connection)
    late = (runtime.clock.now() - oldest).total_seconds() if oldest else 0.0
    if late > 60:
        raise _Ill(f"nobody has seen to new friends for {late:.0f} s: does `guanxi worker --only welcomes` run?")
    return "new friends are seen to"


def _requests(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        due = requests.next_due(connection)
        dead = fetch_one(connection, "select count(*) as n from request where dead_at is not null")
    if dead and dead["n"]:
        raise _Ill(f"{dead['n']} subjects were given up: `guanxi dead list`")
    late = (runtime.clock.now() - due).total_seconds() if due else 0.0
    if late > 60:
        raise _Ill(f"the oldest due subject waits since {late:.0f} s: does a worker run?")
    return "reconciliation is not behind"


def _outbox(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        counts, due = outbox.count_by_state(connection), outbox.next_due(connection)
    parked = counts.get("in_doubt", 0) + counts.get("dead", 0)
    if parked:
        raise _Ill(f"{parked} messages are in doubt or were given up: `guanxi dead list`")
    late = (runtime.clock.now() - due).total_seconds() if due else 0.0
    if late > 60:
        raise _Ill(f"the oldest message waits since {late:.0f} s: does a notifier run?")
    return "messages " + (", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "none")


def _webhooks(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        found, told = webhook_findings(connection, runtime.vault, now=runtime.clock.now())
    if found:
        raise _Ill("; ".join(found))
    return told


def _leavers(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        found = leaver_findings(connection, now=runtime.clock.now())
    if found:
        raise _Ill("; ".join(found))
    return "nothing that leavers left behind is about to be out of reach"


def _plans(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        rows = fetch_all(
            connection,
            "select distinct t.corp_id from removal_plan p join tenant t on t.id = p.tenant_id "
            "where p.state = 'refused' order by 1",
        )
    if rows:
        corps = ", ".join(f"`guanxi plan {row['corp_id']} --refused`" for row in rows)
        raise _Ill(f"removals wait for a person: {corps}")
    return "no removals wait for a person"


def _passes(runtime: Runtime) -> str:
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        times, drift = load_times(connection, now=now), load_checks(connection, since=now - timedelta(days=1))
    oldest = min(times, key=lambda one: one.complete_at, default=None)
    if oldest is not None and now - oldest.complete_at > OLDEST_PASS and runtime.settings.resync_cron not in NEVER:
        days = (now - oldest.complete_at).days
        name, corp = NAMES[oldest.resource], oldest.corp_id
        raise _Ill(f"the last complete pass over {name} of {corp} was {days} days ago: `guanxi resync {corp} --list`")
    differing, sampled = sum(one[2] for one in drift), sum(one[1] for one in drift)
    return f"full passes are complete; drift of the last day: {differing} of {sampled} customers looked at"
