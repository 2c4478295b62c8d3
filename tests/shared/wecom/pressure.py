"""A crowd: processes of threads that call one API as fast as they are let, and say how it went.

`python -m tests.shared.wecom.pressure ORDER` with an order in JSON; its last line is a JSON list, one per process. The
processes are forked from one that has imported everything and opened nothing, and start together.
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from shared.clock import SystemClock
from shared.db.engine import make_engine
from shared.ids import UserId
from shared.settings import Settings
from shared.tenants import load_tenants
from shared.vault import Vault
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient, make_client
from shared.wecom.errors import PostponedError, WeComError
from shared.wecom.wire import Wire

LONGEST_NAP_S = 1.0


@dataclass
class Tally:
    """What the threads of a process saw."""

    done: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1


CALLS: dict[str, Callable[[WeComClient], object]] = {
    "follow_users": lambda client: client.contacts.follow_users(),
    "list": lambda client: client.contacts.list(UserId("LiNa")),
}


def call(client: WeComClient, what: str, tally: Tally) -> float:
    """One call; seconds to wait before the next one."""
    try:
        CALLS[what](client)
    except PostponedError as error:
        tally.count("postponed")
        return min(error.after_s or 0.0, LONGEST_NAP_S)
    except WeComError as error:
        tally.count(str(error.code))
    except Exception as error:
        tally.count(type(error).__name__)
    else:
        tally.count("0")
    return 0.0


def press(
    client: WeComClient,
    what: str,
    tally: Tally,
    goes_on: Callable[[], bool],
    *,
    pause_s: float = 0.0,
    timed: bool = False,
) -> None:
    while goes_on():
        began = time.monotonic()
        nap_s = call(client, what, tally)
        if timed:
            tally.waits.append(time.monotonic() - began)
        time.sleep(max(nap_s, pause_s))


def crowd_of(clients: list[WeComClient], order: dict[str, Any]) -> dict[str, Any]:
    """Each thread calls one API of one corp; they take turns in choosing."""
    tally, urgent = Tally(), Tally()
    until, work_file = time.monotonic() + order["seconds"], Path(order.get("work_file", "/"))

    def goes_on() -> bool:
        """Until the time is over, or the file is taken away."""
        return time.monotonic() < until and work_file.exists()

    patient = [client.at(Priority.BACKFILL) for client in clients]
    crowd = [
        threading.Thread(
            target=press,
            args=(
                patient[n % len(patient)],
                order["calls"][n % len(order["calls"])],
                tally,
                goes_on,
            ),
        )
        for n in range(order["threads"])
    ]
    if order["urgent"]:
        welcome = clients[0].at(Priority.WELCOME)
        rhythm = {"pause_s": 0.2, "timed": True}
        crowd.append(threading.Thread(target=press, args=(welcome, order["calls"][0], urgent, goes_on), kwargs=rhythm))
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    # The first call opens connections and fetches the token.
    return {"done": tally.done, "urgent": urgent.done, "longest_wait_s": max(urgent.waits[1:], default=0.0)}


def one_process(order: dict[str, Any], together: Any, answers: Any) -> None:
    settings = Settings(_env_file=None, **order["settings"])
    engine = make_engine(order["database_url"], pool_size=2)
    clock = SystemClock(Path(order["clock_file"]) if order.get("clock_file") else None)
    with engine.connect() as connection:
        tenants = {one.corp_id: one for one in load_tenants(connection, Vault(order["secret_key"]))}
    wire = Wire(settings, engine=engine, clock=clock, connections=order["threads"] + 2)
    clients = [
        make_client(wire, engine=engine, clock=clock, tenant=tenants[corp_id], app="contact")
        for corp_id in order["corp_ids"]
    ]
    together.wait(60)
    answers.put(crowd_of(clients, order))


def main(order: dict[str, Any]) -> None:
    make_engine(order["database_url"]).dispose()  # imports the driver here, and not in each child; connects to nothing
    forking = get_context("fork")
    together, answers = forking.Barrier(order["processes"]), forking.SimpleQueue()
    children = [
        forking.Process(target=one_process, args=({**order, "urgent": order["urgent"] and not n}, together, answers))
        for n in range(order["processes"])
    ]
    for child in children:
        child.start()
    told = [answers.get() for _ in children]
    for child in children:
        child.join()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
