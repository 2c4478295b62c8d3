"""`guanxi console`: serves the REST API and pages until it is told to stop."""

import socket
from functools import partial

import click
import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from console.app import load_app
from shared.runtime import endpoints, secret_key
from shared.settings import Settings, SettingsError, load_settings, split_bind
from shared.supervise import exit_with_parent
from shared.telemetry import configure_logging

CONNECTIONS_MAX = 256
HEADERS_TIMEOUT_S = 15
STOP_GRACE_S = 10


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="instead of GUANXI_CONSOLE_BIND; port 0 takes a free one")
def command(bind: str | None) -> None:
    """Serve the REST API under /api/v1, the pages that messages lead to, and /healthz, /readyz and /metrics.

    Run as many as you like, each at an address of its own, behind whatever ends TLS: keys travel in a header.
    """
    try:
        settings = load_settings(**({"console_bind": bind} if bind else {}))
        endpoints(settings)
        secret_key(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    configure_logging(settings, process="console")
    if settings.parent_pid is not None:
        exit_with_parent(settings.parent_pid)
    serve(settings)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        click.ClickException: the address is in use or not ours.
    """
    host, port = split_bind(settings.console_bind)
    port = _free(host, port)
    server = MPServer(
        target="guanxi-console",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_S * 1000),
        workers=1,
        blocking_threads=settings.console_threads,
        backpressure=CONNECTIONS_MAX,
        websockets=False,
        log_access=False,  # paths of identities are personal
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_GRACE_S,
    )
    name = f"[{host}]" if ":" in host else host
    server.on_startup(partial(structlog.get_logger().info, "console.listening", address=f"http://{name}:{port}"))
    server.serve(target_loader=partial(load_app, settings), wrap_loader=False)


def _free(host: str, port: int) -> int:
    """The port, or a free one for 0. The server itself would share an address with a stranger, and say nothing."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = f"cannot listen on {host}:{port}: {error.strerror}; GUANXI_CONSOLE_BIND says where"
            raise click.ClickException(text) from None
        return int(probe.getsockname()[1])
