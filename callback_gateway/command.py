"""`guanxi gateway`: serves the callback addresses until it is told to stop."""

import os
import signal
import threading
from functools import partial

import click
import psutil
import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from callback_gateway.app import PARENT_LOOK_S, load_app
from callback_gateway.port import reserve
from shared.runtime import endpoints, secret_key
from shared.settings import Settings, SettingsError, load_settings, split_bind
from shared.telemetry import configure_logging

CONNECTIONS_MAX = 1024
"""Open connections per worker; more wait in the listen queue."""
HEADERS_TIMEOUT_S = 15
"""For a request's headers; a connection that is kept open without a request goes then, too."""
STOP_GRACE_S = 10


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="instead of GUANXI_GATEWAY_BIND; port 0 takes a free one")
@click.option("--parent-pid", type=int, help="stop when this process is gone")
def command(bind: str | None, parent_pid: int | None) -> None:
    """Receive WeCom's callbacks."""
    try:
        settings = load_settings(**({"gateway_bind": bind} if bind else {}))
        endpoints(settings)
        secret_key(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    configure_logging(settings, process="gateway")
    if (parent := parent_pid or settings.parent_pid) is not None:
        _stop_with(parent)
    serve(settings)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; what was answered by then is stored.

    Raises:
        click.ClickException: the address is in use or not ours.
    """
    host, port = split_bind(settings.gateway_bind)
    with reserve(settings.home, host, port) as reserved:
        port = reserved.getsockname()[1]
        server = MPServer(
            target="guanxi-gateway",
            address=host,
            port=port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_TIMEOUT_S * 1000),
            workers=settings.gateway_workers,
            backpressure=CONNECTIONS_MAX,
            websockets=False,
            log_level=LogLevels.error,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_GRACE_S,
        )
        name = f"[{host}]" if ":" in host else host
        server.on_startup(partial(structlog.get_logger().info, "gateway.listening", address=f"http://{name}:{port}"))
        server.serve(target_loader=partial(load_app, settings), wrap_loader=False)


def _stop_with(parent_pid: int) -> None:
    def watch() -> None:
        pause = threading.Event()
        while psutil.pid_exists(parent_pid):
            pause.wait(PARENT_LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
