"""Deliver callbacks: a bounded pool of threads with kept-alive connections, and up to three more tries.

A push counts as received only with HTTP 200 (style suite: with the text `success`) within five seconds.
Source: WeCom server API, receiving callbacks (pages 90930 and 97172). The retry interval is not published.
"""

import heapq
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import urllib3

from simulator import envelopes
from simulator.faults import CallbackFaults
from simulator.records import Receiver

TIMEOUT_S = 5.0
VERIFY_TIMEOUT_S = 1.0
TRIES = 4
HELD_BACK_AT_MOST_S = 1.0


@dataclass
class Counters:
    """`queued` copies end `dropped` (fault), `acked` or `failed`; `sent` counts all tries, `retried` the later ones."""

    queued: int = 0
    dropped: int = 0
    sent: int = 0
    acked: int = 0
    retried: int = 0
    failed: int = 0


@dataclass(slots=True)
class Push:
    receiver: Receiver
    plaintext: str
    epoch: int
    agent_id: int
    query: Mapping[str, str]
    done: "Done | None"
    tries: int = 0


@dataclass(frozen=True)
class Answer:
    """What the receiver said; `status` 0 means that it could not be reached in time, `body` then says why."""

    status: int
    body: str


Done = Callable[[Answer], None]


def acknowledged(receiver: Receiver, answer: Answer) -> bool:
    return answer.status == 200 and (receiver.style != "suite" or answer.body.strip() == "success")


class CallbackPool:
    def __init__(self, *, threads: int = 8, retry_interval_s: float = 0.5) -> None:
        self.counters = Counters()
        self.faults = CallbackFaults()
        self._retry_interval_s = retry_interval_s
        self._http = urllib3.PoolManager(num_pools=64, maxsize=threads, timeout=TIMEOUT_S, retries=False)
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Push]] = []
        self._held: list[Push] = []
        self._held_since = 0.0
        self._sequence = 0
        self._in_flight = 0
        self._epoch = 0
        self._dice = random.Random()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"callback-{number}", daemon=True).start()

    def send(
        self,
        plaintext: str,
        receiver: Receiver,
        *,
        copies: int | None = None,
        agent_id: int = 0,
        query: Mapping[str, str] | None = None,
        done: Done | None = None,
    ) -> None:
        """Queue a plaintext for one receiver; `copies` overrides the duplicate fault.

        `done` hears the answer of each copy that was not lost: the one that counted as received, or the last.
        """
        faults = self.faults
        with self._changed:
            for _ in range(1 + faults.duplicate if copies is None else copies):
                self.counters.queued += 1
                if self._dice.random() < faults.drop:
                    self.counters.dropped += 1
                    continue
                self._accept(Push(receiver, plaintext, self._epoch, agent_id, query or {}, done), faults)
            self._changed.notify_all()

    def _accept(self, push: Push, faults: CallbackFaults) -> None:
        if not faults.shuffle:
            self._schedule(push, after_s=self._dice.uniform(*faults.delay_s))
            return
        if not self._held:
            self._held_since = time.monotonic()
        self._held.append(push)
        if len(self._held) >= faults.shuffle:
            self._release()

    def _release(self) -> None:
        self._dice.shuffle(self._held)
        for push in self._held:
            self._schedule(push, after_s=self._dice.uniform(*self.faults.delay_s))
        self._held.clear()

    def _schedule(self, push: Push, *, after_s: float) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (time.monotonic() + after_s if after_s else 0.0, self._sequence, push))

    def _work(self) -> None:
        while True:
            push = self._next()
            answer = self.post(push.receiver, push.plaintext, agent_id=push.agent_id, query=push.query)
            if push.done and push.epoch == self._epoch and self._is_last(push, answer):
                push.done(answer)
            with self._changed:
                self._in_flight -= 1
                self._settle(push, answer)
                self._changed.notify_all()

    @staticmethod
    def _is_last(push: Push, answer: Answer) -> bool:
        return acknowledged(push.receiver, answer) or push.tries + 1 >= TRIES

    def _next(self) -> Push:
        with self._changed:
            while True:
                now = time.monotonic()
                if self._held and now - self._held_since >= HELD_BACK_AT_MOST_S:
                    self._release()
                if self._due and self._due[0][0] <= now:
                    self._in_flight += 1
                    return heapq.heappop(self._due)[2]
                waits = [self._due[0][0] - now] if self._due else []
                if self._held:
                    waits.append(self._held_since + HELD_BACK_AT_MOST_S - now)
                self._changed.wait(max(0.001, min(waits)) if waits else None)

    def _settle(self, push: Push, answer: Answer) -> None:
        if push.epoch != self._epoch:
            return
        counters = self.counters
        counters.sent += 1
        counters.retried += push.tries > 0
        push.tries += 1
        if acknowledged(push.receiver, answer):
            counters.acked += 1
        elif push.tries < TRIES:
            self._schedule(push, after_s=self._retry_interval_s)
        else:
            counters.failed += 1

    def post(
        self,
        receiver: Receiver,
        plaintext: str,
        *,
        when: envelopes.Stamp | None = None,
        agent_id: int = 0,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Encrypt, sign and send now. The query's timestamp is real time; only CreateTime is the simulated clock's."""
        letter = envelopes.letter(plaintext, receiver, when=when or envelopes.stamp(), agent_id=agent_id, query=query)
        headers = {"Content-Type": letter.content_type}
        return self._ask("POST", letter.url, body=letter.body, headers=headers, timeout=TIMEOUT_S)

    def verify(self, receiver: Receiver, echo: str, *, receiveid: str = "") -> Answer:
        """Ask a receiver for its echo, as the console does when an address is saved."""
        url = envelopes.question(receiver, echo, when=envelopes.stamp(), receiveid=receiveid)
        return self._ask("GET", url, timeout=VERIFY_TIMEOUT_S)

    def _ask(self, method: str, url: str, **how: Any) -> Answer:
        try:
            reply = self._http.request(method, url, **how)
        except urllib3.exceptions.HTTPError as error:
            return Answer(0, str(error))
        return Answer(reply.status, reply.data.decode(errors="replace"))

    def flush(self, *, timeout_s: float) -> bool:
        """Release what is held back and wait until nothing is queued or under way; False on timeout."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._held or self._due or self._in_flight:
                if self._held:
                    self._release()
                    self._changed.notify_all()
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return not (self._held or self._due or self._in_flight)
        return True

    def reset(self) -> None:
        """Forget what is queued and all counts; a push under way is still finished."""
        with self._changed:
            self._due.clear()
            self._held.clear()
            self._epoch += 1
            self.counters = Counters()
            self._changed.notify_all()

    def report(self) -> dict[str, Any]:
        with self._changed:
            return {**asdict(self.counters), "pending": len(self._due) + len(self._held) + self._in_flight}


def verification(pool: CallbackPool, receiver: Receiver, *, receiveid: str = "") -> dict[str, Any]:
    """Verify a receiver and say how it went; the answer must be the echo's bytes and nothing else, within a second."""
    echo = str(secrets.randbelow(10**19))
    began = time.monotonic()
    answer = pool.verify(receiver, echo, receiveid=receiveid)
    return {
        "verified": answer.status == 200 and answer.body == echo,
        "echo": echo,
        "status": answer.status,
        "body": answer.body,
        "seconds": round(time.monotonic() - began, 4),
    }
