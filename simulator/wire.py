"""Between the HTTP server's requests and the API's: addresses, headers, and connections that are cut.

Source: WeCom server API, global error codes (page 90313); the headers Error-Code and Error-Msg repeat the body.
"""

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from simulator.api.calls import Answer, Request
from simulator.platform_settings import PlatformSettings
from simulator.world import World

SIMULATED_ADDRESS = "x-simulated-ip"


def request_of(world: World, scope: Any, body: bytes, *, prefix: str) -> Request:
    """The API call in an RSGI scope."""
    claimed = scope.headers.get(SIMULATED_ADDRESS) if world.settings(PlatformSettings).ip_header else None
    return Request(
        method=scope.method,
        path=scope.path.removeprefix(prefix),
        query=dict(parse_qsl(scope.query_string, keep_blank_values=True)),
        body=body,
        address=claimed or scope.client.rpartition(":")[0],
        content_type=scope.headers.get("content-type") or "",
    )


def send(protocol: Any, scope: Any, answer: Answer) -> None:
    """Answer, or (status 0) end the connection with no answer."""
    if not answer.status:
        cut(scope.client)
        protocol.response_empty(503, [])
        return
    headers = [("Content-Type", answer.content_type)]
    if answer.status == 200:
        text = answer.errmsg.encode("ascii", "replace").decode().replace("\n", " ").strip()
        headers += [("Error-Code", str(answer.errcode)), ("Error-Msg", text)]
    protocol.response_bytes(answer.status, headers, answer.body)


def cut(client: str) -> None:
    """End the TCP connection of a client (address:port) of this process. The server offers no way to do that."""
    for open_file in Path("/dev/fd").iterdir():
        try:
            with socket.socket(fileno=os.dup(int(open_file.name))) as found:
                if found.family == socket.AF_INET and "{}:{}".format(*found.getpeername()) == client:
                    found.shutdown(socket.SHUT_RDWR)
                    return
        except OSError:
            continue
