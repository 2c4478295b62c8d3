"""The `simulator` command."""

import asyncio
import ipaddress
import os

import click


def _split(bind: str) -> tuple[str, int]:
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter("write HOST:PORT, for example 127.0.0.1:8760", param_hint="--bind")
    host = "127.0.0.1" if host in {"", "localhost"} else host
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        raise click.BadParameter("the host must be an IPv4 address or localhost", param_hint="--bind") from None
    return host, int(port)


@click.command(name="simulator")
@click.option(
    "--bind",
    default="127.0.0.1:8760",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen. Port 0 picks a free one and prints it.",
)
@click.option("--allow-remote", is_flag=True, help="Allow an address that other machines can reach.")
@click.option("--example", is_flag=True, help="Start with a small shop in it, and print its names and secrets.")
def command(bind: str, allow_remote: bool, example: bool) -> None:
    """Run a WeCom (企业微信) on this machine, with no account, no network and nothing to lose.

    \b
    /            a page: look, act as customers and associates do, move the clock
    /cgi-bin/    WeCom's API, for anything that speaks it: set its base address to this one
    /wechat/     the API of a WeChat official account (公众号)
    /sim/        the control API: build corps, act, break things on purpose, look

    It starts empty, or with an example shop. Every change that a person makes is told to the receivers of the corp
    by an encrypted callback; changes through the API are not, as with WeCom. Time stands under your control: what
    takes a day there takes one call here. docs/simulator.md has it all.

    \b
    python -m simulator --example
    curl 'http://127.0.0.1:8760/cgi-bin/gettoken?corpid=wwexample00000001&corpsecret=example-secret'
    curl http://127.0.0.1:8760/sim/clock -d '{"advance_s": 86400}'

    Everything is in memory and gone when it stops. It stops on SIGTERM, on Ctrl-C, and when the process that
    started it ends. Nothing here is protected: bind it to loopback.
    """
    from simulator.server import serve

    host, port = _split(bind)
    if not allow_remote and not ipaddress.IPv4Address(host).is_loopback:
        raise click.UsageError(f"{host} can be reached by others, and nothing here is protected; add --allow-remote")
    try:
        asyncio.run(serve(host, port, example=example))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    # Threads that wait for a silent receiver or a flush must not keep the process alive.
    os._exit(0)
