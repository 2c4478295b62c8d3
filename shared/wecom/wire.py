"""The guarded way of one process to WeCom: is WeCom up, is there room, then one exchange."""

from collections.abc import Callable

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.clock import Clock
from shared.db.engine import describe
from shared.settings import Settings
from shared.wecom.apis import Api, Priority
from shared.wecom.budgets import CLOSED, CROWDED, Budgets
from shared.wecom.circuit import Circuit
from shared.wecom.errors import UnreachableError
from shared.wecom.transport import Answer, Request, Transport, make_http

log = structlog.get_logger()


class Wire:
    """One per process, for all corps; `connections` is how many threads call at once."""

    def __init__(self, settings: Settings, *, engine: Engine, clock: Clock, connections: int) -> None:
        self._transport = Transport(settings, make_http(connections=connections))
        self._budgets = Budgets(engine, clock, settings)
        self._circuit = Circuit(engine, clock, settings.wecom_egress)

    def call(self, api: Api, request: Request, *, scope: str, priority: Priority) -> Answer:
        """The decoded answer, whatever its errcode. `scope` names whose budget it is.

        Raises:
            PostponedError: nothing was sent.
            SQLAlchemyError: nothing was sent, either.
            UnreachableError: no answer.
        """
        self._circuit.check_pause(api.path)
        with self._budgets.place(scope, api, priority):
            answer = self._exchange(api.path, request)
        if answer.get("errcode") in {CLOSED, CROWDED}:
            _noted(lambda: self._budgets.refused(scope, api, answer["errcode"]))
        return answer

    def fetch(self, path: str, request: Request) -> Answer:
        """As `call`, outside the budgets: for what is fetched once for hours."""
        return self._exchange(path, request)

    def pause_s(self, api: Api, *, scope: str) -> float:
        """Seconds until a call makes sense, as far as is known: the API is closed, or WeCom is down; 0 = now."""
        return max(self._budgets.closed_for(scope, api), self._circuit.pause_s())

    def _exchange(self, path: str, request: Request) -> Answer:
        self._circuit.check(path)
        try:
            answer = self._transport.exchange(path, request)
        except UnreachableError:
            _noted(self._circuit.failed)
            raise
        _noted(self._circuit.answered)
        return answer


def _noted(note: Callable[[], object]) -> None:
    """Tell the other processes; a database that is away must not turn a call that was made into one that failed."""
    try:
        note()
    except SQLAlchemyError as error:
        log.warning("wecom.not_noted", reason=describe(error))
