"""The command `guanxi`: one lazily imported subcommand per line."""

import gc
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click

sys.path.insert(0, str(Path(__file__).resolve().parent))

COMMANDS = {
    "up": ("commands.up", "Everything on this machine in one go; with --demo against a simulated WeCom."),
    "demo": ("commands.demo", "A bounded story with a summary; exit 0 only if every step really happened."),
    "gateway": ("callback_gateway.command", "Receive WeCom's callbacks and store them before answering."),
    "worker": ("sync_worker.command", "Route callbacks, reconcile with WeCom what they name, walk full passes."),
    "notifier": ("notifier.command", "Deliver messages to associates, each once, and facts to webhook endpoints."),
    "scheduler": ("sync_worker.schedule", "Ring the queues by the clock."),
    "console": ("console.command", "The REST API for the retailer's systems."),
    "simulator": ("simulator.command", "A WeCom on this machine, to try everything against."),
    "migrate": ("commands.migrate", "Bring the database's schema up to date."),
    "corp": ("commands.corp", "Add, list and check corps."),
    "api-key": ("commands.api_key", "Make, list and revoke keys of the REST API."),
    "keys": ("commands.keys", "The keys that everything is encrypted with: show and change them."),
    "resync": ("commands.resync", "Walk everything a corp has in WeCom and bring the database in line."),
    "plan": ("commands.plan", "Show what differs between WeCom and here; changes nothing."),
    "approve": ("commands.approve", "Let removals happen that a full pass kept for a person."),
    "explain": ("commands.explain", "How a customer, chat, tag, associate or outlet came to be as it is."),
    "reassign": ("commands.reassign", "Give a customer to another of their friends."),
    "edit": ("commands.edit", "Change a relation's remark, description or tags in WeCom."),
    "tags": ("commands.tags", "The catalogue of corp tags: list, add, rename, order, delete."),
    "transfer": ("commands.transfer", "Hand customers and chats of one associate to another; see what is left behind."),
    "intents": ("commands.intents", "What is wanted of WeCom and not there yet, and what became of it."),
    "bulk": ("commands.bulk", "Put tags on, or take them off, everything that a filter finds."),
    "tag-rule": ("commands.tag_rule", "Tags that are kept on, whoever takes them off."),
    "webhook": ("commands.webhook", "Tell the retailer's own systems of every fact, by signed HTTP."),
    "audit": ("commands.audit", "Who changed what, when, from where."),
    "inbox": ("commands.inbox", "Look at stored callbacks."),
    "dead": ("commands.dead", "List, show and retry what was given up."),
    "doctor": ("commands.doctor", "Check settings, servers, queues and backlogs of this installation."),
    "psql": ("commands.psql", "psql on the configured (or embedded) database."),
    "shell": ("commands.shell", "A Python shell with settings, database and vault."),
}


def _import_for_good(name: str) -> ModuleType:
    """What is imported is no garbage: to look for some in it meanwhile, and ever after, takes a fifth of a start."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


class _Lazy(click.Group):
    """Imports a subcommand when it is called; `--help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = _import_for_good(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Guanxi keeps a retailer's customer records and WeCom in step and tells associates what to do about it.

    Settings come from the environment (GUANXI_...) and a .env file; without any, PostgreSQL and Valkey are started
    from the installed wheels and keep their data in .guanxi/. Exit codes: 0 done, 1 failed, 2 wrong use.
    """


def run(arguments: Sequence[str] | None = None) -> None:
    try:
        main(args=arguments, prog_name="guanxi")
    except Exception as error:
        from commands.advice import advice_for, exit_code

        advice = advice_for(error)
        if advice is None:
            raise
        click.echo(f"guanxi: {advice}", err=True)
        raise SystemExit(exit_code(error)) from None


if __name__ == "__main__":
    run()
