"""Takes messages back whose reason has vanished, on a thread of its own, so that it waits for no other message.

Source: WeCom server API, recall (page 96460): within 24 h; it vanishes in WeCom's client, not in WeChat's plugin.
"""

from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from shared.directory import Directory
from shared.errors import RetryableError
from shared.runtime import Runtime
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import Clients
from shared.wecom.errors import UnreachableError, WeComError
from shared.withdrawing import LATE_AT_ONCE, Recall, close_late_recalls, finish_recall, take_recalls

TOO_LATE = 42052
AT_ONCE = 16
AGAIN_S = 60.0

log = structlog.get_logger()
recalls = Counter("guanxi_recalls", "Messages to be taken back, by notice and outcome", ["notice", "outcome"])


class Recaller:
    def __init__(self, runtime: Runtime, clients: Clients) -> None:
        self._runtime, self._clients = runtime, clients
        self._directory = Directory(runtime.vault)

    def recall_due(self) -> int:
        """Take back one batch; how many were tried."""
        now = self._runtime.clock.now()
        self._close_late(now=now)
        with self._runtime.engine.begin() as connection:
            taken = take_recalls(connection, limit=AT_ONCE, now=now, lease_s=self._runtime.settings.lease_s)
            tenants = self._directory.usable(connection, {one.tenant_id for one in taken})
        for one in taken:
            tenant = tenants.get(one.tenant_id)
            if tenant is None:
                continue
            result = self._recall(self._clients.of(tenant), one) if one.msgid else "failed"
            later = self._runtime.clock.now() + timedelta(seconds=AGAIN_S) if result == "wanted" else None
            with self._runtime.engine.begin() as connection:
                finish_recall(connection, one, result, next_try_at=later)
            recalls.labels(one.notice, result).inc()
            log.info("message.recalled", tenant_id=one.tenant_id, outbox_id=one.id, notice=one.notice, outcome=result)
        return len(taken)

    def _close_late(self, *, now: datetime) -> None:
        closed = LATE_AT_ONCE
        while closed == LATE_AT_ONCE:
            with self._runtime.engine.begin() as connection:
                closed = close_late_recalls(connection, now=now)

    def _recall(self, client: WeComClient, one: Recall) -> str:
        try:
            client.at(Priority.REMINDERS).messages.recall(one.msgid or "")
        except (RetryableError, UnreachableError):
            return "wanted"
        except WeComError as error:
            return "late" if error.code == TOO_LATE else "failed"
        return "done"
