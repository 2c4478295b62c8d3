"""People act in the simulator at a steady rate: each corp from a thread of its own, every act at its own moment."""

import http.client
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from urllib.parse import urlsplit

import orjson

MIX = ("edit", "add", "edit", "edit", "add", "edit", "edit", "add", "edit", "customer_deletes")


@dataclass(frozen=True)
class Act:
    corp_id: str
    do: str
    external_userid: str
    userid: str


@dataclass(frozen=True)
class Acted:
    """`at` (Unix seconds) is when the request left, `took_s` how long the simulator took to answer it."""

    act: Act
    at: float
    took_s: float


@dataclass(frozen=True)
class Crowd:
    """`known`: relations by corp, as (external_userid, userid). Each is taken once."""

    simulator_url: str
    known: Mapping[str, Iterator[tuple[str, str]]]
    userids: tuple[str, ...]

    def act(self, *, rate: float, seconds: float) -> list[Acted]:
        """`rate` acts a second in all, spread evenly. When the simulator is slow, the rest is late, never left out."""
        started = time.monotonic()
        with ThreadPoolExecutor(len(self.known)) as pool:
            acting = [
                pool.submit(self._act_in, corp_id, first_at=started + number / rate, rate=rate, seconds=seconds)
                for number, corp_id in enumerate(self.known)
            ]
            return [acted for one in acting for acted in one.result()]

    def _act_in(self, corp_id: str, *, first_at: float, rate: float, seconds: float) -> list[Acted]:
        address, every_s = urlsplit(self.simulator_url), len(self.known) / rate
        wire = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        done, userids = [], cycle(self.userids)
        for turn, do in enumerate(islice(cycle(MIX), int(seconds / every_s))):
            external_userid, userid = ("", next(userids)) if do == "add" else next(self.known[corp_id])
            body = orjson.dumps(_order(do, external_userid, userid, turn=turn))
            time.sleep(max(0.0, first_at + turn * every_s - time.monotonic()))
            at = time.time()
            wire.request("POST", f"/sim/corps/{corp_id}/act", body)
            response = wire.getresponse()
            answer = orjson.loads(response.read())
            if response.status != 200:
                raise RuntimeError(f"the simulator refused {do}: {answer}")
            done.append(Acted(Act(corp_id, do, answer["external_userid"], userid), at, time.time() - at))
        wire.close()
        return done


def _order(do: str, external_userid: str, userid: str, *, turn: int) -> dict[str, str]:
    if do == "add":
        return {"do": do, "userid": userid, "name": f"新客{turn}"}
    order = {"do": do, "userid": userid, "external_userid": external_userid}
    return order | {"remark": f"改过的备注{turn}"} if do == "edit" else order
