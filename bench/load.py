"""A load generator: keep-alive connections in a closed loop, every request prepared beforehand and sent once.

Raw sockets and epoll, so that on a small machine it takes as little as possible from what it measures.
"""

import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.clock import monotonic


class LoadError(Exception):
    """The server closed a connection or answered something that is not HTTP."""


@dataclass
class Outcome:
    """`latencies_s` in the order of arrival of the answers."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def ok_count(self) -> int:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def per_second(self) -> float:
        return self.ok_count / self.seconds


class _Caller:
    def __init__(self, host: str, port: int) -> None:
        self.wire = socket.create_connection((host, port), timeout=30)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = monotonic()
        self.wire.sendall(request)

    def status(self) -> int | None:
        """The status of the answer once it is complete."""
        more = self.wire.recv(65536)
        if not more:
            raise LoadError("the server closed a connection")
        self.received += more
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return None
        _, _, length = head.lower().partition(b"content-length:")
        if len(body) < int(length.split(b"\r\n", 1)[0] or 0):
            return None
        return int(head[9:12])


def send_all(address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float) -> Outcome:
    """Send until the time is over or the requests are; answers to what was sent are waited for.

    Raises:
        LoadError: the server broke a connection.
    """
    callers = [_Caller(*address) for _ in range(connections)]
    pending = iter(requests)
    outcome = Outcome()
    with select.epoll() as poll:
        waiting = {caller.wire.fileno(): caller for caller in callers}
        started = monotonic()
        for number, caller in waiting.items():
            poll.register(number, select.EPOLLIN)
            caller.send(next(pending))
        while waiting:
            for number, _ in poll.poll():
                caller = waiting[number]
                status = caller.status()
                if status is None:
                    continue
                now = monotonic()
                outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
                outcome.latencies_s.append(now - caller.sent_at)
                request = next(pending, None) if now - started < seconds else None
                if request is None:
                    poll.unregister(number)
                    del waiting[number]
                else:
                    caller.send(request)
        outcome.seconds = monotonic() - started
    for caller in callers:
        caller.wire.close()
    return outcome
