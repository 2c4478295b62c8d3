"""Run all benchmarks, or those named on the command line."""

from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table

from bench import bulk, chats, files, finding, gateway, latency, pool, segments, sops, sync, webhooks, welcome
from bench.measure import Line

BENCHMARKS: dict[str, Callable[[], list[Line]]] = {
    "bulk": bulk.measure,
    "chats": chats.measure,
    "finding": finding.measure,
    "files": files.measure,
    "gateway": gateway.measure,
    "pool": pool.measure,
    "segments": segments.measure,
    "sops": sops.measure,
    "sync": sync.measure,
    "latency": latency.measure,
    "webhooks": webhooks.measure,
    "welcome": welcome.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...]) -> None:
    """Measure, and print medians with their spread."""
    console = Console()
    for name in names or BENCHMARKS:
        console.print(f"[bold]{name}[/] is being measured; this takes a minute or two", highlight=False)
        table = Table(title=name)
        for heading in ("what", "median", "lowest", "highest", "unit", "ratio"):
            table.add_column(heading, justify="left" if heading in ("what", "unit") else "right")
        for line in BENCHMARKS[name]():
            table.add_row(*line.cells())
        console.print(table)


if __name__ == "__main__":
    main()
