"""Shows full passes while they run, until all of them are over or nobody wants to wait any longer."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import click
from redis.exceptions import RedisError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from commands.corps import NAMES
from shared.clock import monotonic
from shared.queue import WORK, enqueue_wakeup, make_queue
from shared.runtime import Runtime
from shared.sync_runs import load_runs
from shared.tenants import Tenant

LOOK_S = 0.5
STILL_S = 10.0
"""After so long without any progress the reader is told what to do."""
LINE_S = 10.0
"""Between two lines of progress where there is no terminal to draw on."""
NO_WORKER = "nothing has moved for 10 s: does a worker run? `guanxi worker` starts one, `guanxi up` everything"

RunRow = Mapping[str, Any]


def follow(
    runtime: Runtime,
    tenant: Tenant,
    ids: Sequence[int],
    *,
    console: Console,
    still_s: float = STILL_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Sequence[RunRow]:
    """The runs as they ended. Ctrl-C raises KeyboardInterrupt; the runs go on. `still_s`: see STILL_S."""
    started = moved = monotonic()
    last: object = None
    lined = monotonic() - LINE_S
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            with runtime.engine.begin() as connection:
                rows = [dict(row) for row in reversed(load_runs(connection, tenant.id, ids))]
            signature = [(r["state"], r["phase"], r["rows"], r["blocks_done"], r["waiting"], r["notes"]) for r in rows]
            if signature != last:
                last, moved = signature, monotonic()
            still = monotonic() - moved > still_s
            if console.is_terminal:
                live.update(_progress(rows, elapsed_s=monotonic() - started, still=still), refresh=True)
            elif monotonic() - lined > LINE_S:
                lined = monotonic()
                console.print(_line(rows) + (f"; {NO_WORKER}" if still else ""), soft_wrap=True)
            if all(row["finished_at"] is not None for row in rows):
                return rows
            sleep(LOOK_S)


def _progress(rows: Sequence[RunRow], *, elapsed_s: float, still: bool) -> Table:
    table = Table("pass", "state", "rows", "rows/s", "blocks", "waiting", "problem")
    for row in rows:
        rate = row["rows"] / elapsed_s if elapsed_s > 1 else 0
        table.add_row(
            NAMES.get(row["resource"], row["resource"]),
            row["state"] if row["finished_at"] else row["phase"],
            str(row["rows"]),
            f"{rate:.0f}" if rate and not row["finished_at"] else "",
            f"{row['blocks_done']}/{row['blocks']}",
            str(row["waiting"] or ""),
            problem_of(row),
        )
    if still:
        table.caption = NO_WORKER
    return table


def _line(rows: Sequence[RunRow]) -> str:
    parts = [
        f"{NAMES.get(row['resource'], row['resource'])} {row['state'] if row['finished_at'] else row['phase']} "
        f"{row['rows']} rows {row['blocks_done']}/{row['blocks']} blocks"
        + (f" ({problem_of(row)})" if problem_of(row) else "")
        for row in rows
    ]
    return "; ".join(parts)


def problem_of(row: RunRow) -> str:
    """Why the run, or a block of it, waits or failed; "" when nothing is wrong."""
    return str(row["error"] or "")


def report(rows: Sequence[RunRow], console: Console) -> int:
    """Say how each run ended, and where and why one is incomplete; the exit code."""
    for row in rows:
        numbers = ", ".join(f"{n} {name}" for name, n in sorted(row["notes"].items()) if n)
        took = _took(row["started_at"], row["finished_at"])
        name = NAMES.get(row["resource"], row["resource"])
        line = f"{name:<10} {row['state']}: {row['rows']} rows in {took}" + (f" ({numbers})" if numbers else "")
        console.print(line, soft_wrap=True, highlight=False, markup=False)
        for where, why in row["incomplete"]:
            console.print(f"{'':<10} {where}: {why}", soft_wrap=True, highlight=False, markup=False)
        if row["state"] == "failed" and not row["incomplete"]:
            console.print(f"{'':<10} {problem_of(row)}", soft_wrap=True, highlight=False, markup=False)
    return 0 if all(row["state"] == "done" for row in rows) else 1


def _took(started_at: datetime, finished_at: datetime | None) -> str:
    if finished_at is None:
        return "-"
    seconds = (finished_at - started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def as_json(row: RunRow, tenant: Tenant) -> dict[str, Any]:
    """One run for programs."""
    names = ("id", "kind", "state", "phase", "asked_by", "started_at", "finished_at", "rows", "blocks_done", "blocks")
    return {
        "corp_id": tenant.corp_id,
        "resource": NAMES.get(row["resource"], row["resource"]),
        **{name: row[name] for name in names},
        "rows": int(row["rows"]),
        "waiting": row["waiting"],
        "notes": row["notes"],
        "incomplete": [{"where": where, "why": why} for where, why in row["incomplete"]],
        "problem": problem_of(row) or None,
    }


def ring(runtime: Runtime) -> None:
    """Wake a worker. Without Redis the sweep finds what is due."""
    with suppress(RedisError):
        enqueue_wakeup(make_queue(runtime.redis, WORK), WORK)


def left_running(command: str) -> click.ClickException:
    return click.ClickException(f"the passes go on without you; `{command}` shows them")
