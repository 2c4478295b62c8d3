"""The gateway's own parts in this process: a push goes through verification, decryption and the shared commit."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

from redis import Redis
from sqlalchemy import Engine

from callback_gateway.commit import Committer, connect
from callback_gateway.ingest import Ingest
from callback_gateway.receivers import Directory
from callback_gateway.spool import Spool
from shared.clock import Clock
from shared.queue import WORK, Bell
from shared.vault import Vault
from tests.convergence.post import Letter


class Gateway:
    def __init__(self, engine: Engine, vault: Vault, redis: Redis, *, folder: Path, clock: Clock) -> None:
        spool = Spool(folder, max_bytes=1024 * 1024)
        self._committer = Committer(spool, Bell(redis, WORK), max_waiting=100, timeout_s=10)
        self._connection = connect(engine.url.render_as_string(hide_password=False), timeout_s=10)
        self._committer.use(self._connection)
        self._committer.start()
        self._directory = Directory(engine, vault, folder / "receivers")
        self._ingest = Ingest(self._directory, self._committer, clock, max_body_bytes=1_048_576)

    def refresh(self) -> None:
        """Know the corps that were recorded since."""
        assert self._directory.refresh()

    def receive(self, letter: Letter) -> int:
        """The HTTP status that the push was answered with."""
        answered: list[int] = []

        async def body() -> bytes:
            return letter.body

        class Protocol:
            def __call__(self) -> object:
                return body()

            def response_bytes(self, status: int, headers: object, content: bytes) -> None:
                answered.append(status)

        headers = {"content-length": str(len(letter.body))}
        scope = SimpleNamespace(path=letter.path, method="POST", query_string=letter.query, headers=headers)
        asyncio.run(self._ingest(scope, Protocol()))  # type: ignore[arg-type]
        return answered[0]

    def close(self) -> None:
        self._connection.close()
