"""Lets group robots speak: each message once as far as can be known, 20 a minute and robot.

WeCom recognises no repeats of robots and gives no msgid, so a try without an answer is never made again: its message is
in doubt, and a person decides. The client keeps each key's pace of 20 a minute. What gathers of one kind is told
together, as it is to people; what a robot cannot say any more, administrators are told themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import orjson
import structlog
from prometheus_client import Counter
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from notifier.forms import as_markdown
from notifier.names import people_of
from notifier.outcomes import unrendered
from notifier.render import NAMED, Others, message_of
from services.message_templates.store import load_wardrobe
from services.notices.given import load_given
from services.notices.model import FOLDED, POOL_GIVEN
from services.notices.off import switched_off
from services.notices.passing import pass_on
from services.notices.store import load_count, load_names, load_sources
from services.reminders.plan import goes_at
from services.reminders.store import load_policy
from services.robots.model import TEST, NoRobotError, Robot, robot_id_of
from services.robots.store import close_robot, load_robot, note_problem, resting
from shared.db.engine import is_passing, transact
from shared.directory import Directory
from shared.errors import RetryableError
from shared.folding import Key, fold, gather, last_told, put_off
from shared.ids import OutboxId
from shared.outbox import BODY, ROBOTS, expire_robots
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.tries import Due, Outcome, answered_tries, begin_try, end_try, give_back, is_held, lease
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
"""Tries that WeCom answered; what was put off, or did not get there, is none."""
EXPIRED_AT_ONCE = 10_000
WAITS = "queued"

log = structlog.get_logger()
spoken = Counter("guanxi_robot_messages", "Tries to let a group robot speak, by outcome", ["outcome"])


@dataclass(frozen=True)
class _Tried:
    """A try that is over."""

    tenant: Tenant
    robot: Robot
    one: Due
    number: int
    outcome: Outcome


class RobotLane:
    """For one thread. What a try came to is kept until the database has it: else it would be in doubt."""

    def __init__(self, runtime: Runtime, clients: Clients) -> None:
        self._runtime, self._clients = runtime, clients
        self._directory = Directory(runtime.vault)
        self._untold: list[_Tried] = []

    def speak_due(self) -> int:
        """One batch; how many were held, whatever became of them."""
        self._tell()  # before anybody else takes what this process knows the end of
        settings, now = self._runtime.settings, self._runtime.clock.now()
        self._expire(now=now)
        with self._runtime.engine.begin() as connection:
            rest = resting(connection, now=now)
            held = lease(connection, ROBOTS, limit=BATCH, now=now, lease_s=settings.lease_s, without=rest)
            tenants = self._directory.usable(connection, {one.tenant_id for one in held})
        for (tenant_id, _), group in groupby(held, key=lambda one: (one.tenant_id, one.recipient)):
            for one in group:
                if (tenant := tenants.get(tenant_id)) is not None:
                    self._speak(tenant, one)
        return len(held)

    def _expire(self, *, now: datetime) -> None:
        """Too old are many at once, after a long time away, and what waits for a robot that rests is never held."""
        while True:
            with self._runtime.engine.begin() as connection:
                closed = expire_robots(connection, limit=EXPIRED_AT_ONCE, now=now)
            if closed:
                log.warning("robot.expired", count=closed)
            if closed < EXPIRED_AT_ONCE:
                return

    def _speak(self, tenant: Tenant, one: Due) -> None:
        clock = self._runtime.clock
        with self._runtime.engine.begin() as connection:
            ready = self._begin(connection, tenant, one, now=clock.now())
            failures = answered_tries(connection, one, without=[TOO_OFTEN]) if ready else 0
        if ready is None:
            return
        robot, number, content = ready
        outcome = self._try(tenant, robot, content, tries=failures + 1)
        self._untold.append(_Tried(tenant, robot, one, number, outcome))
        self._tell()

    def _tell(self) -> None:
        """Note how tries ended; what the database does not take now is told at the next look."""
        while self._untold:
            tried = self._untold[0]
            try:
                transact(self._runtime.engine, partial(_end_try, tried, now=self._runtime.clock.now()))
            except Exception as error:
                if not is_passing(error):
                    self._untold.pop(0)  # it would be in the way of all others
                raise
            self._untold.pop(0)
            _report(tried)

    def _begin(
        self, connection: Connection, tenant: Tenant, one: Due, *, now: datetime
    ) -> tuple[Robot, int, Content] | None:
        """Note a try, when the message may be sent now; else put it off, or end it."""
        if (end := _is_over(one, now=now)) is not None:
            self._end(connection, tenant, one, end, now=now)
            return None
        policy = load_policy(connection, tenant.id)
        if switched_off(connection, tenant.id, {one.id: one.notice}, policy) or _nothing_left(connection, tenant, one):
            self._end(connection, tenant, one, Outcome("refused", "withdrawn"), now=now)
            return None
        robot = self._speaker(connection, tenant, one, now=now)
        if robot is None or not _is_its_time(connection, tenant, one, robot, now=now):
            return None
        told = _others(connection, tenant, one, now=now)
        if told is None:
            return None
        off = switched_off(connection, tenant.id, dict.fromkeys(told, one.notice), policy)  # withdrawn in its turn
        return self._note(connection, tenant, one, robot, [id_ for id_ in told if id_ not in off], now=now)

    def _speaker(self, connection: Connection, tenant: Tenant, one: Due, *, now: datetime) -> Robot | None:
        """The robot, its row locked; None: it is silent for good, and its message was passed on."""
        try:
            robot = load_robot(connection, tenant, robot_id_of(one.recipient))
        except NoRobotError:
            self._pass_on(connection, tenant, one, "this robot was deleted", now=now)
            return None
        if not robot.speaks and one.notice != TEST:
            self._pass_on(connection, tenant, one, robot.problem or "this robot is switched off", now=now)
            return None
        return robot

    def _pass_on(self, connection: Connection, tenant: Tenant, one: Due, why: str, *, now: datetime) -> None:
        """The robot is silent for good: administrators hear of it, and of all of its kind that waits, themselves."""
        told = _others(connection, tenant, one, now=now)
        if told is None or not is_held(connection, one):
            return
        if told:
            fold(connection, tenant.id, one.id, told, now=now)
        self._end(connection, tenant, one, Outcome("refused", "refused", detail=why), now=now)
        if one.notice != TEST:
            pass_on(connection, tenant.id, one.id, now=now)

    def _note(
        self,
        connection: Connection,
        tenant: Tenant,
        one: Due,
        robot: Robot,
        told: Sequence[OutboxId],
        *,
        now: datetime,
    ) -> tuple[Robot, int, Content] | None:
        try:
            words = self._words(connection, tenant, one, told)
            content = robot_markdown(words)
        except SQLAlchemyError:  # of the transaction, not of this notice
            raise
        except Exception as error:  # one notice that does not render must not hold up the others
            log.error("robot.render_failed", notice=one.notice, outbox_id=one.id, exc_info=error)
            self._give_up(connection, one, now=now)
            return None
        body = tenant.cipher.encrypt(orjson.dumps(words), BODY)
        lease_s = self._runtime.settings.lease_s
        number = begin_try(connection, one, body=body, counts_for=one.recipient, now=now, lease_s=lease_s)
        if number is None:
            return None
        if told:
            fold(connection, tenant.id, one.id, told, now=now)
        return robot, number, content

    def _give_up(self, connection: Connection, one: Due, *, now: datetime) -> None:
        """A try that came to no call; by the rule of people's messages."""
        number = begin_try(connection, one, body=None, counts_for=None, now=now)
        if number is not None:
            backoff_s = self._runtime.settings.message_backoff_s
            outcome = unrendered(number, waits=one.state, unknown=False, backoff_s=backoff_s, now=now)
            end_try(connection, one, number, outcome, now=now)

    def _words(self, connection: Connection, tenant: Tenant, one: Due, told: Sequence[OutboxId]) -> str:
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
        sources = load_sources(connection, tenant, [one.id, *told[: NAMED - 1]])
        source, named = sources[one.id], tuple(sources[id_] for id_ in told[: NAMED - 1] if id_ in sources)
        message = message_of(
            tenant,
            source,
            people_of(load_names(connection, tenant, list(sources.values()))),
            Others(named, load_count(connection, tenant, [one.id, *told])) if told else None,
            console_url=self._runtime.settings.console_url,
            wardrobe=load_wardrobe(connection, tenant.id),
            marked=True,
        )
        return as_markdown(message, MARKDOWN_BYTES)

    def _end(self, connection: Connection, tenant: Tenant, one: Due, outcome: Outcome, *, now: datetime) -> None:
        end_try(connection, one, None, outcome, now=now)
        log.log(30, "robot.parked", tenant_id=tenant.id, outbox_id=one.id, notice=one.notice, state=outcome.state,
                reason=outcome.detail)  # fmt: skip

    def _try(self, tenant: Tenant, robot: Robot, content: Content, *, tries: int) -> Outcome:
        try:
            self._clients.of(tenant).at(Priority.OPERATOR).robots.send(robot.key, content)
        except Exception as error:  # told apart below: every outcome ends up in the attempt's row
            return outcome_of(error, tries=tries, now=self._runtime.clock.now())
        return Outcome("accepted", "sent")


def _end_try(tried: _Tried, connection: Connection, *, now: datetime) -> None:
    tenant, robot, one, outcome = tried.tenant, tried.robot, tried.one, tried.outcome
    # The robot's row first, as whoever begins a try does.
    if outcome.next_try_at is not None:  # what holds up one of its messages holds up all of them
        close_robot(connection, tenant.id, robot.id, until=outcome.next_try_at, now=now)
    if outcome.code == NO_SUCH_KEY:
        note_problem(connection, tenant, robot, outcome.detail or "")
    end_try(connection, one, tried.number, outcome, now=now)
    if outcome.state == "refused":
        pass_on(connection, tenant.id, one.id, now=now)


def _report(tried: _Tried) -> None:
    one, outcome = tried.one, tried.outcome
    spoken.labels(outcome.outcome).inc()
    log.info("robot.tried", tenant_id=one.tenant_id, robot_id=tried.robot.id, outbox_id=one.id, notice=one.notice,
             attempt=tried.number, outcome=outcome.outcome, state=outcome.state, reason=outcome.detail)  # fmt: skip


def together(one: Due) -> Key | None:
    """The key under which it is told with others, as in choose.py; None: by itself, with the words that it has."""
    return Key.of(one) if one.notice in FOLDED and one.body is None else None


def _is_over(one: Due, *, now: datetime) -> Outcome | None:
    """What becomes of a message that must not be tried any more. Pure."""
    if one.first_unknown_at is not None:
        return Outcome("unknown", "in_doubt", detail="no answer to a try")
    if one.recall is not None:
        return Outcome("refused", "withdrawn")
    return Outcome("refused", "expired") if one.expires_at <= now else None


def _is_its_time(connection: Connection, tenant: Tenant, one: Due, robot: Robot, *, now: datetime) -> bool:
    """If not, it is put off: until the robot may speak, or, by the rule of people's messages, with all of its kind."""
    if robot.closed_until is not None and robot.rests(now):
        give_back(connection, tenant.id, [(one, robot.closed_until)])
        return False
    key = together(one)
    if key is None:
        return True
    apart = timedelta(seconds=one.apart_s)
    told = last_told(connection, tenant.id, {key: apart}, now=now, state=WAITS) if apart else {}
    at = goes_at(
        one.fair_at,
        now=now,
        told_at=told.get(key),
        apart_s=one.apart_s,
        urgent=one.urgent,
        quiet=None,  # a robot speaks in a group, which nobody's phone need sound for
        timezone=tenant.timezone,
    )
    if at > now:
        put_off(connection, tenant.id, [(key, at)], moves=True, now=now, state=WAITS)
    return at <= now


def _nothing_left(connection: Connection, tenant: Tenant, one: Due) -> bool:
    """Of what was given out of the pool all is somebody else's by now: nobody need hear of it (POOL-7)."""
    return one.notice == POOL_GIVEN and one.folds == 1 and not load_given(connection, tenant.id, [one.id]).get(one.id)


def _others(connection: Connection, tenant: Tenant, one: Due, *, now: datetime) -> list[OutboxId] | None:
    """What is told with it, locked; None: it was told with another, or taken back, meanwhile."""
    key = together(one)
    carriers = {} if key is None else {one.id: key}
    return gather(connection, tenant.id, [one], carriers, now=now, state=WAITS).get(one.id)


def outcome_of(error: Exception, *, tries: int, now: datetime) -> Outcome:
    """What a failed call means. Without an answer it may have been heard, and is not said again. Pure.

    `tries`: that WeCom answered, with this one.
    """
    later = now + min(timedelta(seconds=15) * 2 ** min(tries - 1, 10), timedelta(minutes=10))
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
            return Outcome("refused", "refused" if code == NO_SUCH_KEY else "dead", code=code, detail=str(error))
    return Outcome("unknown", "in_doubt", detail=type(error).__name__)
