"""`guanxi migrate`."""

import click

from shared.db.migrate import migrate
from shared.runtime import open_runtime
from shared.settings import load_settings


@click.command("migrate")
def command() -> None:
    """Bring the database's schema up to date; safe to run twice, and twice at once."""
    runtime = open_runtime(load_settings(), application="migrate", pool_size=2)
    migrate(runtime.engine, now=runtime.clock.now())
    click.echo("the schema is up to date")
