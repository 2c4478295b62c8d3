"""Serve one World over HTTP: /cgi-bin and /wechat on the event loop, everything else through Flask in threads.

State is in memory, so there is one process. An unanswered or slow call costs a coroutine, not a thread.
"""

import asyncio
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask
from granian.constants import Interfaces
from granian.server.embed import Server

from simulator import bridge, wire
from simulator.activity import Activity
from simulator.api import dispatch
from simulator.api.calls import Answer, Request
from simulator.control import create_control
from simulator.demo import make_demo
from simulator.families import ENDPOINTS
from simulator.lifetime import parent_is_gone
from simulator.login.pages import create_login_pages
from simulator.official_account import dispatch as official_account
from simulator.official_account import linking
from simulator.page import create_page
from simulator.world import World

PREFIX = "/cgi-bin/"
SLOW_LANE_THREADS = 32
TICK_S = 0.2
Answering = Callable[[World, Request], Awaitable[Answer]]

# Official accounts are no family, for they have an address prefix of their own; these few calls of theirs are WeCom's.
ENDPOINTS.update(linking.ENDPOINTS)


class Site:
    """The RSGI application: called by granian with (scope, protocol) for every request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.activity = Activity(world)
        self._flask = Flask("simulator")
        self._flask.register_blueprint(create_control(world, self.activity))
        self._flask.register_blueprint(create_page(world, self.activity))
        self._flask.register_blueprint(create_login_pages(world))
        self._threads = ThreadPoolExecutor(SLOW_LANE_THREADS, thread_name_prefix="control")

    async def __call__(self, scope: Any, protocol: Any) -> None:
        body = await protocol()
        if scope.path.startswith(PREFIX) and (dispatch.is_known(scope.path) or self.world.faults.down):
            await self._api(scope, protocol, body, prefix=PREFIX, answer=dispatch.answer)
        elif official_account.is_known(scope.path):
            await self._api(scope, protocol, body, prefix=official_account.PREFIX, answer=official_account.answer)
        else:
            await self._flask_lane(scope, protocol, body)

    async def _api(self, scope: Any, protocol: Any, body: bytes, *, prefix: str, answer: Answering) -> None:
        request = wire.request_of(self.world, scope, body, prefix=prefix)
        wire.send(protocol, scope, await answer(self.world, request))

    async def _flask_lane(self, scope: Any, protocol: Any, body: bytes) -> None:
        environment = bridge.environ(
            method=scope.method,
            path=scope.path,
            query_string=scope.query_string,
            headers=list(scope.headers.items()),
            body=body,
            address=scope.client.rpartition(":")[0],
        )
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, bridge.run, self._flask, environment)
        protocol.response_bytes(found.status, found.headers, found.body)


def reserve(host: str, port: int) -> socket.socket:
    """Hold a port without listening; 0 picks a free one. OSError when somebody else has it.

    The server shares ports (SO_REUSEPORT), so without this look a second simulator would silently get half the calls.
    """
    if port:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, port))
    return held


# Threads that send callbacks would otherwise hold the interpreter for 5 ms each time a call waits for it.
SWITCH_INTERVAL_S = 0.0005


async def serve(host: str, port: int, *, example: bool = False) -> None:
    """Serve until SIGTERM, SIGINT or the death of the parent process; says on stdout where, and what is in it."""
    parent_pid = os.getppid()  # before anybody hears of us: it may die right after
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    held = reserve(host, port)
    port = held.getsockname()[1]
    site = Site(World())
    server: Any = Server(
        site,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=1024,
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    serving = asyncio.create_task(server.serve())
    await loop.run_in_executor(None, _until_healthy, f"http://{host}:{port}/healthz")
    held.close()
    sys.stdout.write(f"simulator listening on http://{host}:{port}\n")
    for what, value in (make_demo(site.world) if example else {}).items():
        sys.stdout.write(f"{what:<12}{value}\n")
    sys.stdout.flush()
    ticking = asyncio.create_task(_tick(site.world))
    orphaned = asyncio.create_task(parent_is_gone(parent_pid))
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({serving, orphaned, waiting}, return_when=asyncio.FIRST_COMPLETED)
    ticking.cancel()
    server.stop()
    await asyncio.wait({serving}, timeout=2)
    if not stopped.is_set() and not orphaned.done():
        raise RuntimeError("the HTTP server ended by itself")


async def _tick(world: World) -> None:
    """What the clock brings happens even when nobody calls."""
    while True:
        await asyncio.sleep(TICK_S)
        with world.lock:
            world.run_due()


def _until_healthy(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=0.5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            continue
    raise RuntimeError(f"{url} does not answer")
