"""`guanxi shell`."""

import code

import click

from shared.runtime import open_runtime
from shared.settings import load_settings


@click.command("shell")
def command() -> None:
    """Open a Python shell with `runtime` (settings, clock, engine, redis, vault)."""
    runtime = open_runtime(load_settings(), application="shell", pool_size=2)
    code.interact(banner="runtime: settings, clock, engine, redis, vault", local={"runtime": runtime})
