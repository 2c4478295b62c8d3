"""One welcome from its event to WeCom's answer: what is said is decided once and kept; each try is a committed row.

A code is good for one message, so a try may be repeated whenever its outcome is not known: WeCom takes one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import Connection

from services.welcomes.files import forget_media, load_media
from services.welcomes.log import Kept, Occasion, add, begin_try, end_try, expire, find, load_who
from services.welcomes.model import Answer, Attachment, Said, State
from services.welcomes.plan import LEAST_LEFT_S, bared, choose, judge, said
from services.welcomes.store import load_rules, rules_of
from shared.db.engine import describe, transact
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.runtime import Runtime
from shared.tenants import Receiver, Tenant
from shared.urgent import UrgentEvent, put_off_urgent, settle_urgent
from shared.vault import VaultError
from shared.wecom.apis import Priority
from shared.wecom.clients import Clients
from shared.wecom.errors import UnreachableError, WeComRetryableError, WeComTerminalError
from shared.wecom.payloads import attachments as payloads
from sync_worker.welcomes.occasions import occasion_of

LEASE_S = 8.0
"""How long a try is left alone: a little longer than it can take with the lane's own time limits."""
PARTS: Mapping[str, type[payloads.Attachment]] = {
    "image": payloads.Image,
    "link": payloads.Link,
    "miniprogram": payloads.MiniProgram,
    "video": payloads.Video,
    "file": payloads.File,
}

log = structlog.get_logger()
delay_seconds = Histogram(
    "guanxi_welcome_delay_seconds",
    "From the arrival of a new friend's event to the first try of the welcome",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20),
)
outcomes = Counter("guanxi_welcomes", "Welcomes, by what became of them", ["outcome"])


@dataclass(frozen=True)
class _Try:
    tenant: Tenant
    occasion: Occasion
    kept: Kept
    said: Said


class Greeter:
    """`life_s`: how long a code is good for, from its event."""

    def __init__(self, runtime: Runtime, *, directory: Directory, clients: Clients) -> None:
        self._runtime, self._directory, self._clients = runtime, directory, clients
        self._life_s = runtime.settings.welcome_life_s

    def greet(self, event: UrgentEvent) -> None:
        """See to one event that the caller has claimed; what fails is claimed again when the claim ends."""
        begun = transact(self._runtime.engine, partial(self._begin, event))
        if begun is not None:
            answer = self._send(begun)
            transact(self._runtime.engine, partial(self._end, event, begun, answer))

    def _begin(self, event: UrgentEvent, connection: Connection) -> _Try | None:
        now = self._runtime.clock.now()
        occasion = occasion_of(self._receiver(connection, event), event, life_s=self._life_s)
        if occasion is None:
            settle_urgent(connection, event, now=now)
            return None
        tenant = self._directory.tenant(connection, event.tenant_id)
        kept = find(connection, tenant, occasion) or self._decided(connection, tenant, occasion)
        if kept is None or kept.state is not State.SENDING or kept.said is None:
            settle_urgent(connection, event, now=now)
            return None
        if kept.calling_until is not None and kept.calling_until > now:
            put_off_urgent(connection, event, at=kept.calling_until)
            return None
        if now + timedelta(seconds=LEAST_LEFT_S) >= occasion.until:
            expire(connection, tenant.id, kept.id, now=now)
            settle_urgent(connection, event, now=now)
            outcomes.labels(State.EXPIRED.value).inc()
            return None
        begin_try(connection, tenant.id, kept.id, now=now, lease_s=LEASE_S)
        if not kept.attempts:
            delay_seconds.observe((now - event.received_at).total_seconds())
        return _Try(tenant, occasion, kept, kept.said)

    def _receiver(self, connection: Connection, event: UrgentEvent) -> Receiver | None:
        try:
            return self._directory.receiver(connection, event.receiver_id)
        except VaultError:  # its seconds are over before a person has mended that
            return None

    def _decided(self, connection: Connection, tenant: Tenant, occasion: Occasion) -> Kept | None:
        """The row of a welcome that nobody has thought of yet; None: the corp welcomes nobody."""
        now = self._runtime.clock.now()
        names, outlets, pushes = load_who(connection, tenant.id, occasion.userid, occasion.external_userid)
        saved = load_rules(connection, tenant.id, enabled_only=True) if pushes else []
        if not saved:
            return None
        rule = choose(
            rules_of(saved),
            occasion.userid,
            outlets=outlets,
            state=occasion.state,
            now=occasion.received_at,
            zone=ZoneInfo(tenant.timezone),
        )
        chosen = next((one for one in saved if one.rule == rule), None)
        told, state, problem = None, State.NO_RULE, None
        if chosen is not None:
            files = [one["file_id"] for one in chosen.draft.attachments if one.get("file_id") is not None]
            media = load_media(connection, tenant.id, files) if files else {}
            told = said(chosen.draft.text, chosen.draft.attachments, names, media=media, now=now)
            state = State.REFUSED if told.is_empty else State.SENDING
            problem = "nothing is left to be said" if told.is_empty else None
        made = add(
            connection, tenant, occasion, state, said=told, rule_id=rule.id if rule else None, problem=problem, now=now
        )
        if made is not None and state is not State.SENDING:
            outcomes.labels(state.value).inc()
        return made or find(connection, tenant, occasion)

    def _send(self, begun: _Try) -> Answer:
        client = self._clients.of(begun.tenant).at(Priority.WELCOME)
        try:
            client.welcome.send(begun.occasion.code, begun.said.text, _parts(begun.said.attachments))
        except UnreachableError as error:
            return Answer(problem=describe(error), again=True, lost=error.maybe_accepted)
        except WeComRetryableError as error:
            return Answer(error.code, describe(error), again=True, after_s=error.after_s)
        except WeComTerminalError as error:
            return Answer(error.code, describe(error))
        except RetryableError as error:
            return Answer(problem=describe(error), again=True, after_s=error.after_s)
        except (TerminalError, ValueError) as error:
            return Answer(problem=str(error))
        return Answer()

    def _end(self, event: UrgentEvent, begun: _Try, answer: Answer, connection: Connection) -> None:
        now = self._runtime.clock.now()
        tenant, told = begun.tenant, begun.said
        verdict = judge(answer, in_doubt=begun.kept.in_doubt, told=told, now=now, until=begun.occasion.until)
        if verdict.bare:
            forget_media(connection, tenant.id, _media_of(told.attachments), now=now)
            told = bared(told)
        end_try(connection, tenant, begun.kept.id, verdict, said=told, errcode=answer.errcode, problem=answer.problem,
                now=now)  # fmt: skip
        if verdict.again_at is not None:
            put_off_urgent(connection, event, at=verdict.again_at)
            return
        settle_urgent(connection, event, now=now)
        outcomes.labels(verdict.state.value).inc()
        if verdict.state is State.REFUSED:
            log.warning("welcome.refused", tenant_id=tenant.id, welcome_id=begun.kept.id, errcode=answer.errcode)


def _parts(attachments: Sequence[Attachment]) -> list[payloads.Attachment]:
    return [PARTS[one["msgtype"]](**one[one["msgtype"]]) for one in attachments]


def _media_of(attachments: Sequence[Attachment]) -> list[str]:
    fields = [one[one["msgtype"]] for one in attachments]
    return [one[name] for one in fields for name in ("media_id", "pic_media_id") if name in one]


def quick(runtime: Runtime) -> Runtime:
    """The same with the patience that twenty seconds leave: two tries must fit into them."""
    settings = runtime.settings
    limits = {
        "wecom_connect_timeout_s": min(settings.wecom_connect_timeout_s, 1.5),
        "wecom_read_timeout_s": min(settings.wecom_read_timeout_s, 4.0),
        "wecom_total_timeout_s": min(settings.wecom_total_timeout_s, 5.0),
        "wecom_wait_s": min(settings.wecom_wait_s, 1.0),
    }
    return replace(runtime, settings=settings.model_copy(update=limits))
