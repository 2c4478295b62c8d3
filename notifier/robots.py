"""Lets group robots speak: each message once as far as can be known, 20 a minute and robot.

WeCom recognises no repeats of robots and gives no msgid, so a try without an answer is never made again: its message is
in doubt, and a person decides. The client keeps each key's pace of 20 a minute.
"""

from datetime import datetime, timedelta
from itertools import groupby

import orjson
import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from notifier.forms import as_markdown
from notifier.names import people_of
from notifier.render import message_of
from services.message_templates.store import load_wardrobe
from services.notices.store import load_names, load_sources
from services.robots.model import TEST, NoRobotError, Robot, robot_id_of
from services.robots.store import close_robot, load_robot, note_problem, resting
from shared.db.engine import is_away
from shared.directory import Directory
from shared.errors import RetryableError
from shared.outbox import BODY, ROBOT, Outcome
from shared.queued import Queued, begin_queued, end_queued, lease_queued, postpone_queued
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.vault import VaultError
from shared.wecom.apis import Priority
from shared.wecom.clients import Clients
from shared.wecom.errors import PostponedError, UnreachableError, WeComError
from shared.wecom.families.contents import Content
from shared.wecom.families.robots import MARKDOWN_BYTES, robot_markdown

BATCH = 20
CLOSED_FOR = timedelta(seconds=65)
"""After a 45009: whether WeCom's minute is fixed or sliding is not published.

Source: WeCom server API, group robots (page 91770).
"""
TOO_OFTEN, NO_SUCH_KEY = 45009, 93000
MOST_FAILURES = 8

log = structlog.get_logger()
spoken = Counter("guanxi_robot_messages", "Tries to let a group robot speak, by outcome", ["outcome"])


class RobotLane:
    def __init__(self, runtime: Runtime, clients: Clients) -> None:
        self._runtime, self._clients = runtime, clients
        self._directory = Directory(runtime.vault)

    def speak_due(self) -> int:
        """One batch; how many were held, whatever became of them."""
        settings, now = self._runtime.settings, self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            rest = resting(connection, now=now)
            held = lease_queued(connection, ROBOT, limit=BATCH, now=now, lease_s=settings.lease_s, without=rest)
            tenants = self._directory.usable(connection, {one.tenant_id for one in held})
        for (tenant_id, _), group in groupby(held, key=lambda one: (one.tenant_id, one.recipient)):
            for one in group:
                if (tenant := tenants.get(tenant_id)) is not None:
                    self._speak(tenant, one)
        return len(held)

    def _speak(self, tenant: Tenant, one: Queued) -> None:
        clock = self._runtime.clock
        with self._runtime.engine.begin() as connection:
            ready = self._begin(connection, tenant, one, now=clock.now())
        if ready is None:
            return
        robot, number, content = ready
        outcome = self._try(tenant, robot, content, number)
        with self._runtime.engine.begin() as connection:
            now = clock.now()
            end_queued(connection, one, number, outcome, now=now)
            if outcome.next_try_at is not None:  # what holds up one of its messages holds up all of them
                close_robot(connection, tenant.id, robot.id, until=outcome.next_try_at)
            if outcome.code == NO_SUCH_KEY:
                note_problem(connection, tenant, robot, outcome.detail or "")
        spoken.labels(outcome.outcome).inc()
        log.info("robot.tried", tenant_id=tenant.id, robot_id=robot.id, outbox_id=one.id, notice=one.notice,
                 attempt=number, outcome=outcome.outcome, state=outcome.state, reason=outcome.detail)  # fmt: skip

    def _begin(
        self, connection: Connection, tenant: Tenant, one: Queued, *, now: datetime
    ) -> tuple[Robot, int, Content] | None:
        """Note a try, when the message may be sent now; else put it off, or end it."""
        if one.first_unknown_at is not None:
            self._end(connection, tenant, one, Outcome("unknown", "in_doubt", detail="no answer to a try"), now=now)
            return None
        if one.expires_at <= now:
            self._end(connection, tenant, one, Outcome("refused", "expired"), now=now)
            return None
        try:
            robot = load_robot(connection, tenant, robot_id_of(one.recipient))
        except NoRobotError:
            self._end(connection, tenant, one, Outcome("refused", "dead", detail="this robot was deleted"), now=now)
            return None
        if not robot.speaks and one.notice != TEST:
            why = robot.problem or "this robot is switched off"
            self._end(connection, tenant, one, Outcome("refused", "dead", detail=why), now=now)
            return None
        if robot.closed_until is not None and robot.closed_until > now:
            postpone_queued(connection, one, at=robot.closed_until)
            return None
        return self._note(connection, tenant, one, robot, now=now)

    def _note(
        self, connection: Connection, tenant: Tenant, one: Queued, robot: Robot, *, now: datetime
    ) -> tuple[Robot, int, Content] | None:
        try:
            words = self._words(connection, tenant, one)
            content = robot_markdown(words)
        except Exception as error:  # one notice that does not render must not hold up the others
            log.error("robot.render_failed", notice=one.notice, outbox_id=one.id, exc_info=error)
            self._end(connection, tenant, one, Outcome("refused", "dead", detail="could not be rendered"), now=now)
            return None
        body = tenant.cipher.encrypt(orjson.dumps(words), BODY)
        lease_s = self._runtime.settings.lease_s
        number = begin_queued(connection, one, body=body, counts_for=one.recipient, now=now, lease_s=lease_s)
        return None if number is None else (robot, number, content)

    def _words(self, connection: Connection, tenant: Tenant, one: Queued) -> str:
        """
        Raises:
            LookupError: the fact is gone.
        """
        if one.body is not None:
            try:
                return str(orjson.loads(tenant.cipher.decrypt(one.body, BODY)))
            except VaultError:
                log.error("robot.body_unreadable", tenant_id=tenant.id, outbox_id=one.id)
        if one.notice == TEST:
            said = "这是一条测试消息" if tenant.language == "zh" else "This is a test message"
            return f"**{said}**\nGuanxi #{one.id}"
        source = load_sources(connection, tenant, [one.id])[one.id]
        people = people_of(load_names(connection, tenant, [source]))
        message = message_of(
            tenant,
            source,
            people,
            console_url=self._runtime.settings.console_url,
            wardrobe=load_wardrobe(connection, tenant.id),
            marked=True,
        )
        return as_markdown(message, MARKDOWN_BYTES)

    def _end(self, connection: Connection, tenant: Tenant, one: Queued, outcome: Outcome, *, now: datetime) -> None:
        end_queued(connection, one, None, outcome, now=now)
        log.log(30, "robot.parked", tenant_id=tenant.id, outbox_id=one.id, notice=one.notice, state=outcome.state,
                reason=outcome.detail)  # fmt: skip

    def _try(self, tenant: Tenant, robot: Robot, content: Content, number: int) -> Outcome:
        try:
            self._clients.of(tenant).at(Priority.OPERATOR).robots.send(robot.key, content)
        except Exception as error:  # told apart below: every outcome ends up in the attempt's row
            if is_away(error):
                raise
            return outcome_of(error, tries=number, now=self._runtime.clock.now())
        return Outcome("accepted", "sent")


def outcome_of(error: Exception, *, tries: int, now: datetime) -> Outcome:
    """What a failed call means. Without an answer it may have been heard, and is not said again. Pure."""
    later = now + min(timedelta(seconds=15) * 2 ** (tries - 1), timedelta(minutes=10))
    match error:
        case WeComError(code=code) if code == TOO_OFTEN:
            return Outcome("retry", "queued", next_try_at=now + CLOSED_FOR, code=code, detail=str(error))
        case PostponedError():  # nothing was sent: it costs no patience
            at = now + timedelta(seconds=error.after_s or 1.0)
            return Outcome("retry", "queued", next_try_at=at, detail=str(error))
        case UnreachableError(maybe_accepted=True):
            return Outcome("unknown", "in_doubt", detail=str(error))
        case RetryableError() if tries < MOST_FAILURES or not isinstance(error, WeComError):
            known = error.code if isinstance(error, WeComError) else None
            at = max(later, now + timedelta(seconds=error.after_s or 0.0))
            return Outcome("retry", "queued", next_try_at=at, code=known, detail=str(error))
        case WeComError(code=code):
            return Outcome("refused", "dead", code=code, detail=str(error))
    return Outcome("unknown", "in_doubt", detail=type(error).__name__)
