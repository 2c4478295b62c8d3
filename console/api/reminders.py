"""Which reminders a corp wants: its policy, switches per kind and stage, quiet hours (LOSS-4, STG-4)."""

from datetime import time
from typing import Any

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_reminders import (
    HoursIn,
    PolicyBody,
    QuietBody,
    QuietPath,
    SwitchBody,
    SwitchPath,
    SwitchQuery,
)
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_reminders import HoursOut, PolicyOut, QuietOut, SwitchOut
from services.notices.model import FOLDED, NOTICES, USUAL
from services.reminders.model import NOT_KNOWN, Policy, Quiet, Switch, Wish
from services.reminders.store import (
    delete_own_quiet,
    knows_stage,
    load_policy,
    record_own_quiet,
    record_policy,
    record_wish,
    unknown_associates,
)
from services.stages.model import NoStageError
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import UserId

GROUP = "reminders"


def _hours(quiet: Quiet | None) -> HoursOut | None:
    return (
        None
        if quiet is None
        else HoursOut.model_validate({"from": f"{quiet.start:%H:%M}", "until": f"{quiet.end:%H:%M}"})
    )


def _quiet(hours: HoursIn | None) -> Quiet | None:
    return None if hours is None else Quiet(time.fromisoformat(hours.from_), time.fromisoformat(hours.until))


def _policy_out(work: Work) -> PolicyOut:
    policy = load_policy(work.connection, work.tenant.id)
    return PolicyOut(
        stages_on=policy.stages_on,
        administrators=list(policy.administrators),
        undeliverable=policy.undeliverable,
        quiet=_hours(policy.quiet),
        timezone=work.tenant.timezone,
        own_quiet_count=len(policy.own_quiet),
    )


def _shown(policy: PolicyOut) -> dict[str, Any]:
    return policy.model_dump(mode="json", include={"stages_on", "administrators", "undeliverable", "quiet"})


@operation("get", "/reminders/policy", Scope.REMINDERS_READ, PolicyOut, group=GROUP)
def show_reminder_policy() -> Response:
    """Show what holds for all reminders of the corp."""
    return read(_policy_out)


@operation("put", "/reminders/policy", Scope.REMINDERS_WRITE, PolicyOut, group=GROUP)
def set_reminder_policy(body: PolicyBody) -> Response:
    """Set what holds for all reminders of the corp; what waits follows within seconds."""

    def work(work: Work) -> Done:
        _check_associates(work, [UserId(one) for one in body.administrators], "/administrators")
        before = _shown(_policy_out(work))
        administrators = tuple(UserId(one) for one in dict.fromkeys(body.administrators))
        wanted = Policy(body.stages_on, administrators, body.undeliverable, _quiet(body.quiet))
        record_policy(work.connection, work.tenant.id, wanted, by=caller().actor, now=work.now)
        after = _policy_out(work)
        return Done(after, 200, (Change("reminders.policy", "reminders", "policy", before, _shown(after)),))

    return write(work)


def _check_associates(work: Work, userids: list[UserId], field: str) -> None:
    if unknown_associates(work.connection, work.tenant.id, userids):
        why = "holds somebody who is no associate of this corp"
        raise ProblemError(422, "invalid", why, errors=[(field, why)])


def _switch_out(work: Work, notice: str, stage_id: int | None) -> SwitchOut:
    if notice not in NOTICES:
        raise ProblemError(404, "not-found", "there is no such kind of notice")
    if stage_id is not None and not knows_stage(work.connection, work.tenant.id, stage_id):
        raise NoStageError("there is no such stage")
    policy = load_policy(work.connection, work.tenant.id)
    stages = () if stage_id is None else (stage_id,)
    return SwitchOut(
        notice=notice,
        stage_id=stage_id,
        wished=vars(policy.wishes.get((notice, stage_id or NOT_KNOWN), Wish())),
        effective=vars(policy.switch(notice, USUAL.get(notice, Switch()), stages)),
        together=notice in FOLDED,
    )


@operation("get", "/reminders/switches/<notice>", Scope.REMINDERS_READ, SwitchOut, group=GROUP)
def show_reminder_switch(path: SwitchPath, query: SwitchQuery) -> Response:
    """Show how one kind of notice is told, to all customers' associates or for one stage."""
    return read(lambda work: _switch_out(work, path.notice, query.stage_id))


@operation("put", "/reminders/switches/<notice>", Scope.REMINDERS_WRITE, SwitchOut, group=GROUP)
def set_reminder_switch(path: SwitchPath, query: SwitchQuery, body: SwitchBody) -> Response:
    """Set how one kind of notice is told; switched off, none is queued, and what waits is withdrawn."""

    def work(work: Work) -> Done:
        before = _switch_out(work, path.notice, query.stage_id)
        stage = query.stage_id or NOT_KNOWN
        wish = Wish(**body.model_dump())
        record_wish(work.connection, work.tenant.id, path.notice, stage, wish, by=caller().actor, now=work.now)
        after = _switch_out(work, path.notice, query.stage_id)
        key = path.notice if query.stage_id is None else f"{path.notice}:{query.stage_id}"
        return Done(after, 200, (Change("reminders.switch", "reminders", key, before.wished, after.wished),))

    return write(work)


def _quiet_out(work: Work, userid: UserId) -> QuietOut:
    policy = load_policy(work.connection, work.tenant.id)
    return QuietOut(userid=userid, own=userid in policy.own_quiet, quiet=_hours(policy.quiet_of(userid)))


@operation("get", "/reminders/quiet/<userid>", Scope.REMINDERS_READ, QuietOut, group=GROUP)
def show_quiet_hours(path: QuietPath) -> Response:
    """Show an associate's quiet hours: their own, else the corp's."""
    return read(lambda work: _quiet_out(work, UserId(path.userid)))


@operation("put", "/reminders/quiet/<userid>", Scope.REMINDERS_WRITE, QuietOut, group=GROUP)
def set_quiet_hours(path: QuietPath, body: QuietBody) -> Response:
    """Give an associate quiet hours of their own, or none."""
    userid = UserId(path.userid)

    def work(work: Work) -> Done:
        _check_associates(work, [userid], "path/userid")
        record_own_quiet(work.connection, work.tenant.id, userid, _quiet(body.quiet), by=caller().actor, now=work.now)
        return _changed_quiet(work, userid)

    return write(work)


@operation("delete", "/reminders/quiet/<userid>", Scope.REMINDERS_WRITE, QuietOut, group=GROUP)
def delete_quiet_hours(path: QuietPath) -> Response:
    """Take an associate's own quiet hours away: the corp's hold."""
    userid = UserId(path.userid)

    def work(work: Work) -> Done:
        delete_own_quiet(work.connection, work.tenant.id, userid)
        return _changed_quiet(work, userid)

    return write(work)


def _changed_quiet(work: Work, userid: UserId) -> Done:
    after = _quiet_out(work, userid)
    shown = after.model_dump(mode="json", include={"own", "quiet"})
    return Done(after, 200, (Change("reminders.quiet", "reminders", f"quiet:{userid}", after=shown),))
